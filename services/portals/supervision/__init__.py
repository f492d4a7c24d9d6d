"""What a supervisor sees of the employees related to them."""
