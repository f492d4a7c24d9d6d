"""Tests of faults and abuse. They are a package so that the system they share ends with the last of them."""
