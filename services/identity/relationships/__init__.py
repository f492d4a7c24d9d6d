"""How accounts stand to people, and the grants that open a person's profile."""
