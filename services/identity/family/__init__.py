"""Family access: the portal accounts of clients and their contacts (seed S1)."""
