"""Passwords, tokens, sealed secrets, and the limits on trying them."""
