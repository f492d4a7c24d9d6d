"""How lists are given page by page."""
