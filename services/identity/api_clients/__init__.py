"""Api clients."""
