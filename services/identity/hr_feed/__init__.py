"""HR's files, which name every employee, and applying what they change."""
