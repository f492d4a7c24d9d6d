"""All tables of this service. Importing them here fills `Base.metadata`."""

from __future__ import annotations

from services.signing.documents.models import Document
from services.signing.tables import Base

__all__ = ["Base", "Document"]
