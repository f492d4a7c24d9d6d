"""Verifying a log-in, its second step, starting the session, proving oneself again."""
