"""Capacity: how much a program can take."""
