"""Who reaches what: the scope of a caller, and which referrals somebody sees."""
