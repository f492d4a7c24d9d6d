"""What is published to people's portals."""
