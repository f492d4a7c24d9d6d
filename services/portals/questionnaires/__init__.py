"""Questionnaires: what they ask, their published versions, where they are offered."""
