"""Referrals: resource directory, ReferralQs, contact records, referrals and capacity."""
