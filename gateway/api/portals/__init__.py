"""Routes of portals."""
