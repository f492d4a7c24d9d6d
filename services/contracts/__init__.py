"""The published language: what each service offers and publishes, as data."""
