"""Changes that people ask for in their own record."""
