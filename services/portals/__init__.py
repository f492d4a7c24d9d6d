"""How the portals of an organisation present themselves."""
