"""An organisation's days: its time zone, and which day it is there. What counts by days builds on it."""
