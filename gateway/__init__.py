"""The gateway: HTTP in, RPC out. It owns no data and no rule."""
