"""The FHIR R4 view of portals."""
