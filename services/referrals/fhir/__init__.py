"""The FHIR R4 view of referrals and of the directory: reading and searching."""
