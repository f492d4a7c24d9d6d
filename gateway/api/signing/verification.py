"""Routes of verification."""

from gateway.routes import Route
from services.contracts.signing import verification

ROUTES = (
    Route("POST", "/v1/verifications", verification.verify_file, uploads="document"),
    Route("GET", "/v1/signing-authority", verification.get_signing_authority),
)
