"""Following up documents that nobody has signed yet."""
