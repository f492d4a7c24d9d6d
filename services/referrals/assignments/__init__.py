"""Referrals: contact records assigned to programs, and their way through a queue's statuses."""
