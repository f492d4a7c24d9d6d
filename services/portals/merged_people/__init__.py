"""What this service keeps of people follows merges of their records."""
