"""Tenants and their features, and the operator's command line."""
