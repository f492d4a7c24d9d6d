"""`python -m deploy.checks`: what a change has forgotten. One line for each thing: what is missing, where, what to do."""
