"""Pick-up codes, with which employees open an account themselves."""
