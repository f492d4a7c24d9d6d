"""Accounts, people and organisations as several subjects need them."""
