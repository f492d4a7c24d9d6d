"""Appointments: the calendar, booking without double bookings, who came."""
