"""Bulk jobs: assign, move or reassign many records or referrals at once."""
