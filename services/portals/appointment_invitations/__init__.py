"""Who is due for an appointment, and who has booked it."""
