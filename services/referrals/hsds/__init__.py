"""The resource directory as HSDS 3.1 has it."""
