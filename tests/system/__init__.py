"""Tests of the whole system. They are a package, so that the system ends after the last of them: idle, it takes a tenth of a core."""
