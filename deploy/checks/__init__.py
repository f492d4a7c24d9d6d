"""`python -m deploy.checks`: finds what a change has forgotten. Each line says what is missing, where, and what to do."""
