"""The audit trail, explanations of why an account may do something, and emergency access."""
