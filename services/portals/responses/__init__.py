"""Answers to questionnaires: drafts, what was sent, reviews by supervisors, notices to departments."""
