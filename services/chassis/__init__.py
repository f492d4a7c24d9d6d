"""The machinery that every service is built on. It knows nameko, kombu and SQLAlchemy, and no service."""
