"""Tokens, the vault, hashing, rules of passwords, and counted tries."""
