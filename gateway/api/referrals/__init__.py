"""Routes of referrals: one table for each subject."""
