"""Staff's work on accounts, a provider's resources and switches, names and addresses for other services."""
