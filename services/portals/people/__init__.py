"""What identity knows of the people and accounts that this service works with."""
