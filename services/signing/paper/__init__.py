"""The way by paper: cover sheets, faxes, signed copies that come back."""
