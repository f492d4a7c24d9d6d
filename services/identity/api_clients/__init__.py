"""Other systems that call on their own behalf."""
