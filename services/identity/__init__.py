"""Organisations, accounts, credentials, sessions and passports."""
