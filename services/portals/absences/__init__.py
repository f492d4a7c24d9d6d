"""When staff are away, and who stands in."""
