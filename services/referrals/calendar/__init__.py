"""An organisation's days: its time zone and its present day. Subjects that count by days build on it."""
