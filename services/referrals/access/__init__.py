"""Access: the scope of a caller, and the referrals that a caller sees."""
