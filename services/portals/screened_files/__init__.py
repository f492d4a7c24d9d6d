"""Files that people add: how they are taken in, and what they are called."""
