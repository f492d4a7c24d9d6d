"""What a token stands for, and what its holder may do now."""
