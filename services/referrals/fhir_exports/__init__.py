"""Bulk exports of the FHIR view: ordered, written in the background as NDJSON, kept for a day."""
