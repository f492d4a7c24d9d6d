"""The portals of an organisation."""
