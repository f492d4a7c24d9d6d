"""Routes of identity: a table for each subject."""
