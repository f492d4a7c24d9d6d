"""The notices of an account in the application: what it was told, and whether it has read it."""
