"""The telephone to which an account gets text messages: entered, confirmed by a code, removed."""
