"""What supervisors order for employees."""
