"""The links with which mail programs end mails of one kind."""
