"""Sessions: which hold, when they were last used, ending them."""
