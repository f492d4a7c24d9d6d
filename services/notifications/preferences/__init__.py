"""What an account wants to be told, and when not."""
