"""A file of a visitor is verified in the limited child, and let go."""

from __future__ import annotations

import hashlib
import ipaddress
from contextlib import suppress
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from services.chassis.blobs import UPLOADED, VISITORS
from services.chassis.operations import Call
from services.contracts.errors import Refused
from services.contracts.signing.verification import MOST_BYTES
from services.signing.documents.workflows import signer_of, wait_s
from services.signing.verification.attempts import Attempts


def verify_file(call: Call) -> Any:
    """What a file says about its signatures. Raises Refused(too_many_requests, document_too_large, document_unreadable)."""
    call.runtime.parts.get(Attempts).count(_network_of(call.context.client_address or ""))
    path = call.runtime.blobs.find(VISITORS, call.request["document"]["sha256"], *UPLOADED)
    if path.stat().st_size > MOST_BYTES:
        raise Refused(
            "document_too_large", f"At most {MOST_BYTES // 1024 // 1024} MB are verified.", "document"
        )
    found = signer_of(call).verified(path, wait_s(call))
    if found is None:
        raise Refused(
            "document_unreadable", "The file is damaged, or too complex to be verified.", "document"
        )
    return call.operation.reply.dump(found)


def get_signing_authority(call: Call) -> Any:
    """The root certificates."""
    roots = signer_of(call).roots
    der = roots[0].public_bytes(Encoding.DER)
    pem = "".join(each.public_bytes(Encoding.PEM).decode() for each in roots)
    return call.operation.reply.dump({"pem": pem, "sha256": hashlib.sha256(der).hexdigest()})


def _network_of(address: str) -> str:
    """The address, of IPv6 the network that one subscriber has."""
    with suppress(ValueError):
        if ipaddress.ip_address(address).version == 6:
            return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return address
