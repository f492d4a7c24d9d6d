"""Webhooks: addresses of other systems that are told of events."""
