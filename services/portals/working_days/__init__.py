"""On which days an organisation works, and the holidays of countries."""
