"""The list of mailboxes that return mail."""
