"""What is forgotten after how long, and the planner's statistics."""
