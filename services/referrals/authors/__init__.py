"""Who did something: on which side they work, and their names as others may know them."""
