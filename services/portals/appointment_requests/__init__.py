"""Requests for appointments: people say what suits them, staff find a time."""
