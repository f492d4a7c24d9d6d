"""The PDF of a contact record: what is in it, its layout, and how it is handed out."""
