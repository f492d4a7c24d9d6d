"""Files as answers to questionnaires."""
