"""Support for tests of every kind."""
