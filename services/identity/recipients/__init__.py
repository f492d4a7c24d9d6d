"""Who is told of something by a message."""
