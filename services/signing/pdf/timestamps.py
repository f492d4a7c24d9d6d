"""The timestamp authority (RFC 3161) that gives a signature its trusted time.

The setting `local` makes timestamps in process with the installation's own key; an http(s) address is asked over the
network. Neither suspends the coroutine that pyHanko awaits, so no second thread is started: signing already runs in
a native thread, and under eventlet a thread pool inside it would be made of green threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from pyhanko.sign.general import as_signing_certificate_v2, simple_cms_attribute
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import set_tsp_headers

from services.signing.pdf.certificates import Authority, Credential
from services.signing.pdf.validity import asn1_of

# Portico's own policy under the UUID arc 2.25 (ITU-T X.667), which needs no registration.
LOCAL_POLICY = "2.25.302834509165203341158839302514986204153"
REPLY_LIMIT_BYTES = 64 * 1024


class TimestampUnavailable(Exception):
    """The timestamp authority gave no usable answer. Temporary: the signature can be tried again."""


def timestamper(setting: str, authority: Authority, *, timeout_s: float = 5.0) -> TimeStamper:
    """The timestamper of a setting: `local`, or the http(s) address of an RFC 3161 authority.

    Raises ValueError for any other setting.
    """
    if setting == "local":
        return LocalTimestamper(authority.timestamper())
    if urlsplit(setting).scheme in ("http", "https"):
        return NetworkTimestamper(setting, timeout_s=timeout_s)
    raise ValueError("the timestamp authority is 'local' or an http(s) address")


class LocalTimestamper(TimeStamper):
    """Answers timestamp requests in process with a timestamping credential. `clock` gives aware datetimes."""

    def __init__(
        self, credential: Credential, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # pyHanko's constructor has no types
        self._key = credential.key
        self._certificates = [asn1_of(each) for each in (credential.certificate, *credential.chain)]
        self._clock = clock

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """The granted response for that request, RFC 3161 section 2.4.2."""
        token = self._token(self._statement(req).dump())
        return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})

    def _statement(self, req: tsp.TimeStampReq) -> tsp.TSTInfo:
        statement = {
            "version": "v1",
            "policy": LOCAL_POLICY,
            "message_imprint": req["message_imprint"],
            "serial_number": int.from_bytes(os.urandom(15), "big"),
            "gen_time": self._clock(),
            "tsa": asn1_x509.GeneralName(name="directory_name", value=self._certificates[0].subject),
        }
        if req["nonce"].native is not None:
            statement["nonce"] = req["nonce"]
        return tsp.TSTInfo(statement)

    def _token(self, statement: bytes) -> cms.ContentInfo:
        own = self._certificates[0]
        sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
        attributes = cms.CMSAttributes(
            [
                simple_cms_attribute("content_type", "tst_info"),
                simple_cms_attribute("message_digest", _sha256(statement)),
                simple_cms_attribute("signing_certificate_v2", as_signing_certificate_v2(own)),
            ]
        )
        signer_info = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number", {"issuer": own.issuer, "serial_number": own.serial_number}
            ),
            "digest_algorithm": sha256,
            "signature_algorithm": {"algorithm": "sha256_rsa"},
            "signed_attrs": attributes,
            "signature": self._key.sign(attributes.dump(), padding.PKCS1v15(), hashes.SHA256()),
        }
        signed = {
            "version": "v3",  # RFC 5652, section 5.1: the content is not of type id-data
            "digest_algorithms": [sha256],
            "encap_content_info": {
                "content_type": "tst_info",
                "content": core.ParsableOctetString(statement),
            },
            "certificates": self._certificates,
            "signer_infos": [signer_info],
        }
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})


class NetworkTimestamper(TimeStamper):
    """Asks an RFC 3161 authority over HTTP (section 3.4) with a plain blocking request.

    pyHanko's own HTTP timestamper hands the request to an asyncio thread pool; see the module's docstring.
    """

    def __init__(self, address: str, *, timeout_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # pyHanko's constructor has no types
        self._address = address
        self._timeout_s = timeout_s

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """The authority's response. Raises TimestampUnavailable when there is none or it is unusable."""
        return _checked(self._ask(req.dump()), req)

    def _ask(self, request: bytes) -> bytes:
        try:
            with requests.post(
                self._address,
                data=request,
                headers=set_tsp_headers({}),
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as reply:
                body = reply.raw.read(REPLY_LIMIT_BYTES + 1, decode_content=True)
                kind = reply.headers.get("Content-Type", "").partition(";")[0].strip()
                status = reply.status_code
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own exceptions are OSErrors
            raise TimestampUnavailable(
                f"no answer from the timestamp authority ({type(error).__name__})"
            ) from None
        if status != 200 or kind != "application/timestamp-reply" or len(body) > REPLY_LIMIT_BYTES:
            raise TimestampUnavailable(f"the timestamp authority answered {status} with no timestamp")
        return bytes(body)


def _checked(answer: bytes, request: tsp.TimeStampReq) -> tsp.TimeStampResp:
    """The response, if it grants exactly what was asked (RFC 3161, 2.4.2). Raises TimestampUnavailable otherwise.

    The check comes before pyHanko's, so that a bad answer counts as a fault of the authority and not of the document.
    asn1crypto parses on access, so a damaged answer is also found here.
    """
    try:
        response = tsp.TimeStampResp.load(answer)
        statement = response["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
        granted = response["status"]["status"].native == "granted"
        same = all(statement[each].native == request[each].native for each in ("nonce", "message_imprint"))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise TimestampUnavailable("the timestamp authority's answer is damaged or a refusal") from None
    if not granted or not same:
        raise TimestampUnavailable("the timestamp authority answered another question or refused")
    return response


def _sha256(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()
