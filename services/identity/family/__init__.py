"""A client's contacts, and their access to the client's profile in the Family Portal (seed S1)."""
