"""Images of portals."""
