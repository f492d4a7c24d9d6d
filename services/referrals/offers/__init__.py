"""Offers: one contact record, several programs, the first that accepts takes it."""
