"""What the people of portals write and are written."""
