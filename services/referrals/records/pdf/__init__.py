"""The PDF of a contact record: its content, its layout, and how it is handed out."""
