"""Patients and their portal: who has access, how it is set up, and the tool that sets it up for many."""
