"""The timestamp authority (RFC 3161) that gives a signature its trusted time.

The setting `local` makes timestamps in process with the installation's own key; an http(s) address is asked over the
network. Neither suspends the coroutine that pyHanko awaits, so no second thread is started: signing already runs in
a native thread, and under eventlet a thread pool inside it would be made of green threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from asn1crypto import algos, cms, core, parser, tsp
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
_SHA256 = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
_SHA256_WITH_RSA = algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"}).dump()


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
    """Answers timestamp requests in process with a timestamping credential. `clock` gives aware datetimes.

    What is the same in every token is encoded once: asn1crypto would copy and encode the certificates anew each time.
    """

    def __init__(
        self, credential: Credential, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # pyHanko's constructor has no types
        self._key = credential.key
        self._clock = clock
        chain = [asn1_of(each) for each in (credential.certificate, *credential.chain)]
        own = chain[0]
        self._name = asn1_x509.GeneralName(name="directory_name", value=own.subject)
        self._certificates = _in_order(each.dump() for each in chain)
        self._signer = cms.IssuerAndSerialNumber(
            {"issuer": own.issuer, "serial_number": own.serial_number}
        ).dump()
        self._fixed_attributes = [
            simple_cms_attribute("content_type", "tst_info").dump(),
            simple_cms_attribute("signing_certificate_v2", as_signing_certificate_v2(own)).dump(),
        ]

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """The granted response for that request, RFC 3161 section 2.4.2."""
        granted = _sequence(tsp.PKIStatus("granted").dump())
        return tsp.TimeStampResp.load(_sequence(granted, self._token(self._statement(req).dump())))

    def _statement(self, req: tsp.TimeStampReq) -> tsp.TSTInfo:
        statement = {
            "version": "v1",
            "policy": LOCAL_POLICY,
            "message_imprint": req["message_imprint"],
            "serial_number": int.from_bytes(os.urandom(15), "big"),
            "gen_time": self._clock(),
            "tsa": self._name,
        }
        if req["nonce"].native is not None:
            statement["nonce"] = req["nonce"]
        return tsp.TSTInfo(statement)

    def _token(self, statement: bytes) -> bytes:
        """The statement as signed data, in DER (RFC 5652, sections 3 and 5.1 to 5.3)."""
        digest = simple_cms_attribute("message_digest", _sha256(statement)).dump()
        attributes = _in_order([*self._fixed_attributes, digest])
        signature = self._key.sign(_set(attributes), padding.PKCS1v15(), hashes.SHA256())
        signer_info = _sequence(
            core.Integer(1).dump(),  # the signer is named by issuer and serial number
            self._signer,
            _SHA256,
            _tagged(attributes),  # IMPLICIT
            _SHA256_WITH_RSA,
            core.OctetString(signature).dump(),
        )
        signed_data = _sequence(
            core.Integer(3).dump(),  # the content is not of type id-data
            _set(_SHA256),
            _sequence(cms.ContentType("tst_info").dump(), _tagged(core.OctetString(statement).dump())),
            _tagged(self._certificates),  # IMPLICIT
            _set(signer_info),
        )
        return _sequence(cms.ContentType("signed_data").dump(), _tagged(signed_data))


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


def _sequence(*members: bytes) -> bytes:
    return bytes(parser.emit(0, 1, 16, b"".join(members)))


def _in_order(members: Iterable[bytes]) -> bytes:
    """The members of a SET OF in DER, which sorts them (X.690, section 11.6)."""
    return b"".join(sorted(members))


def _set(members: bytes) -> bytes:
    return bytes(parser.emit(0, 1, 17, members))


def _tagged(contents: bytes) -> bytes:
    """Context tag 0, constructed."""
    return bytes(parser.emit(2, 1, 0, contents))


def _sha256(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()
