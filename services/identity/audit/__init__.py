"""The audit trail of access, why an account may do something, and emergency access."""
