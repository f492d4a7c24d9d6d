"""Tests of the whole system. They are a package so that it ends with the last of them: idle, it takes a tenth of a core."""
