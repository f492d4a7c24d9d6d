"""Applications: short sessions by name, and sending what was filled in to the employer."""
