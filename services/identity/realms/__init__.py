"""What holds in each realm: its settings, networks, ways to sign in, and its roles with their permissions."""
