"""The services, what they publish, and what they are built on."""
