"""Decisions that are signed apart from a document: declines and consents."""
