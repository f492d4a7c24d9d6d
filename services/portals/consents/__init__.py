"""Consents: their texts, what portals require, what people have signed."""
