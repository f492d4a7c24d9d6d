"""The HR feed: reading its files, comparing them with the known employees, applying the differences."""
