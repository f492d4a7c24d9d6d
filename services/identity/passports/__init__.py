"""Passports: what a token stands for, and what its holder may do right now."""
