"""API clients: other systems that call on their own behalf, their secrets and sessions."""
