"""The queue of requests and secure messages from all portals, and its archive."""
