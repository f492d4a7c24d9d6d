"""Appointments as the people of a portal see and book them."""
