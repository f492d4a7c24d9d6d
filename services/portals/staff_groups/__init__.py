"""Groups of staff to whom requests go."""
