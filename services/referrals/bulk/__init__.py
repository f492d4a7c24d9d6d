"""Work on many records or referrals at once."""
