"""Certificates about a document: of its completion, and of its transmission."""
