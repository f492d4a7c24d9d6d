"""Referrals: contact records assigned to programs, their lists, history and notes, and the waitlist."""
