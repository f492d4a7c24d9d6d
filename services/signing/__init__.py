"""The signing service: documents, signature requests, decisions."""
