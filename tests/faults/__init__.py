"""Tests of faults and abuse. They are a package, so that the system that they share ends after the last of them."""
