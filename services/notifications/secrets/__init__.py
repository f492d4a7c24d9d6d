"""What is secret and stored nowhere."""
