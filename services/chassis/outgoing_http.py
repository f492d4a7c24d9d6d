"""HTTP to a system that an organisation has named: never into our own network, within a deadline, up to a limit.

The check is on the IP address that the connection is made to: a name that resolves to another address the second time
gains nothing. Redirects are not followed. Answers are read up to a limit and are not decompressed. The caller limits how
many exchanges run at once: a system that hangs blocks a few workers, not the service.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Collection, Iterator
from typing import Any

import requests
from eventlet import Timeout
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from services.chassis.database import assert_no_transaction
from services.contracts.web_addresses import Network, may_connect

TIMEOUT_S = (3.0, 4.0)  # to connect; between two reads
DEADLINE_S = 6.0
MOST_BYTES = 256 * 1024
MOST_CONTINUES = 10
_PIECE = 16 * 1024


class ExchangeFault(Exception):
    """The other system cannot be reached or its answer is wrong. `reason` is a code, never words of that system.

    `was_sent` is false where there was no connection, so that the other system cannot have the request.
    """

    def __init__(self, reason: str, *, was_sent: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent


class AddressRefusedError(NewConnectionError):
    """The system's name resolves to an address that such systems may not have."""


@contextlib.contextmanager
def exchange() -> Iterator[None]:
    """Enclose each exchange with another system: within a deadline, outside of transactions.

    Raises ExchangeFault for every failure of the exchange.
    """
    assert_no_transaction()
    try:
        # This also ends an exchange in which the other side trickles: the timeouts of sockets start anew with each read.
        with Timeout(DEADLINE_S, ExchangeFault("too_slow")):
            yield
    except requests.Timeout as error:
        raise ExchangeFault("too_slow", was_sent=not isinstance(error, requests.ConnectTimeout)) from None
    except requests.ConnectionError as error:
        raise ExchangeFault(
            _reason(error), was_sent=not isinstance(_cause(error), NewConnectionError)
        ) from None
    except requests.RequestException:
        raise ExchangeFault("unreachable") from None


def _cause(error: requests.ConnectionError) -> Any:
    """What urllib3 says."""
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", cause)


def _reason(error: requests.ConnectionError) -> str:
    return (
        "address_not_allowed"
        if isinstance(_cause(error), AddressRefusedError)
        else "certificate_refused"
        if isinstance(error, requests.exceptions.SSLError)
        else "unreachable"
    )


def guard(session: requests.Session, networks: Collection[Network], ca_file: str | None) -> None:
    """Make this session send every request through `_Guarded`."""
    session.trust_env = False  # ignore the process's proxies and .netrc
    session.verify = ca_file or True
    session.max_redirects = 0
    session.headers["Accept-Encoding"] = "identity"
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Guarded(networks))


class _Guarded(HTTPAdapter):
    """Sends to allowed addresses only, and reads the whole answer up to the limits."""

    def __init__(self, networks: Collection[Network]) -> None:
        super().__init__(max_retries=0)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(networks)

    # requests passes its five options by name: here they are one mapping.
    def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        options["stream"] = True
        options["timeout"] = TIMEOUT_S
        response = super().send(request, **options)
        try:
            if response.is_redirect:
                raise ExchangeFault("redirected")
            # requests would fill these in itself, without a limit, when `content` is first read.
            response._content = _read(response)  # noqa: SLF001
            response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        except HTTPError:
            raise ExchangeFault("unreachable") from None
        finally:
            response.close()
        return response


def _read(response: requests.Response) -> bytes:
    ends_at = time.monotonic() + DEADLINE_S
    content = bytearray()
    while piece := response.raw.read1(_PIECE, decode_content=False):
        content += piece
        if len(content) > MOST_BYTES:
            raise ExchangeFault("answer_too_large")
        if time.monotonic() > ends_at:
            raise ExchangeFault("too_slow")
    return bytes(content)


class _Answer(http.client.HTTPResponse):
    """An answer that begins at some time: http.client reads any number of `100 Continue` before it."""

    _left = MOST_CONTINUES

    def _read_status(self) -> tuple[str, int, str]:
        self._left -= 1
        if self._left < 0:
            raise http.client.HTTPException("the answer does not begin")
        return super()._read_status()  # type: ignore[misc,no-any-return]  # the types of http.client leave it out


def _pool_classes(networks: Collection[Network]) -> dict[str, Any]:
    class Checked(HTTPConnection):
        """Connects to the addresses that were checked, and keeps the name for TLS."""

        response_class = _Answer

        def _new_conn(self) -> socket.socket:
            name = self._dns_host
            failure: NewConnectionError | None = None
            try:
                for address in _allowed_addresses(self, name, networks):
                    self._dns_host = address
                    try:
                        return super()._new_conn()
                    except NewConnectionError as error:
                        failure = error
            finally:
                self._dns_host = name
            raise failure or NewConnectionError(self, "there is no address")

    secure = type("CheckedSecure", (Checked, HTTPSConnection), {})
    return {
        "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": Checked}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


def _allowed_addresses(connection: Any, name: str, networks: Collection[Network]) -> list[str]:
    """The IP addresses of a name. Raises AddressRefusedError if any one is not allowed, whatever the others are."""
    try:
        found = socket.getaddrinfo(name, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NewConnectionError(connection, "the name does not resolve") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not all(may_connect(address, networks) for address in addresses):
        raise AddressRefusedError(connection, "the address is not allowed")
    return addresses
