"""The staff console: a module for each subject."""
