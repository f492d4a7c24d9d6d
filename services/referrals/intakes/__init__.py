"""Intakes: a contact record and its first referral in one step."""
