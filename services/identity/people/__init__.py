"""People, how they belong together, and which profiles an account reaches."""
