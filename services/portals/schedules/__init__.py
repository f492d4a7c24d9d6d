"""What can be booked: types of appointments, providers, their schedules."""
