"""Replies that staff have saved to answer with."""
