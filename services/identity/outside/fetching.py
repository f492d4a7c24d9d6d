"""HTTP to a provider that an organisation has named: never into our own network, within a deadline, up to a limit.

The check is on the IP address that the connection is made to: a name that resolves to another address the second time
gains nothing. Redirects are not followed. Answers are read up to a limit and are not decompressed. Only a few requests
run at once: a provider that hangs blocks a few workers, not the service.
"""

from __future__ import annotations

import contextlib
import socket
import threading
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
from services.identity.outside import rules

TIMEOUT_S = (3.0, 4.0)  # to connect; between two reads
DEADLINE_S = 6.0
MOST_BYTES = 256 * 1024
_PIECE = 16 * 1024
_AT_ONCE = threading.BoundedSemaphore(16)
_WAIT_S = 2.0


class ProviderFault(Exception):
    """A provider cannot be reached or its answer is wrong. `reason` is a code, never words of the provider."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AddressRefusedError(NewConnectionError):
    """The provider's name resolves to an address that providers may not have."""


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """Enclose each exchange with a provider: few at once, within a deadline, outside of transactions.

    Raises ProviderFault for every failure of the exchange.
    """
    assert_no_transaction()
    if not _AT_ONCE.acquire(timeout=_WAIT_S):
        raise ProviderFault("too_many_at_once")
    try:
        # This also ends an exchange in which the other side trickles: the timeouts of sockets start anew with each read.
        with Timeout(DEADLINE_S, ProviderFault("too_slow")):
            yield
    except requests.Timeout:
        raise ProviderFault("too_slow") from None
    except requests.ConnectionError as error:
        raise ProviderFault(_reason(error)) from None
    except requests.RequestException:
        raise ProviderFault("unreachable") from None
    finally:
        _AT_ONCE.release()


def _reason(error: requests.ConnectionError) -> str:
    cause = error.args[0] if error.args else None
    is_refused = isinstance(getattr(cause, "reason", cause), AddressRefusedError)
    return (
        "address_not_allowed"
        if is_refused
        else "certificate_refused"
        if isinstance(error, requests.exceptions.SSLError)
        else "unreachable"
    )


def guard(session: requests.Session, networks: Collection[rules.Network], ca_file: str | None) -> None:
    """Make this session send every request through `_Guarded`."""
    session.trust_env = False  # ignore the process's proxies and .netrc
    session.verify = ca_file or True
    session.max_redirects = 0
    session.headers["Accept-Encoding"] = "identity"
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Guarded(networks))


def fetch_json(session: requests.Session, url: str) -> Any:
    """The JSON document at this address. Call it within `asking`. Raises ProviderFault."""
    response = session.get(url, headers={"Accept": "application/json"}, allow_redirects=False)
    if response.status_code != requests.codes.ok:
        raise ProviderFault("not_found")
    try:
        return response.json()
    except ValueError:
        raise ProviderFault("not_json") from None


class _Guarded(HTTPAdapter):
    """Sends to allowed addresses only, and reads the whole answer up to the limits."""

    def __init__(self, networks: Collection[rules.Network]) -> None:
        super().__init__(max_retries=0)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(networks)

    # requests passes its five options by name: here they are one mapping.
    def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        options["stream"] = True
        options["timeout"] = TIMEOUT_S
        response = super().send(request, **options)
        try:
            if response.is_redirect:
                raise ProviderFault("redirected")
            # requests would fill these in itself, without a limit, when `content` is first read.
            response._content = _read(response)  # noqa: SLF001
            response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        except HTTPError:
            raise ProviderFault("unreachable") from None
        finally:
            response.close()
        return response


def _read(response: requests.Response) -> bytes:
    ends_at = time.monotonic() + DEADLINE_S
    content = bytearray()
    while piece := response.raw.read1(_PIECE, decode_content=False):
        content += piece
        if len(content) > MOST_BYTES:
            raise ProviderFault("answer_too_large")
        if time.monotonic() > ends_at:
            raise ProviderFault("too_slow")
    return bytes(content)


def _pool_classes(networks: Collection[rules.Network]) -> dict[str, Any]:
    class Checked(HTTPConnection):
        """Connects to the addresses that were checked, and keeps the name for TLS."""

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


def _allowed_addresses(connection: Any, name: str, networks: Collection[rules.Network]) -> list[str]:
    """The IP addresses of a name. Raises AddressRefusedError if any one is not allowed, whatever the others are."""
    try:
        found = socket.getaddrinfo(name, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NewConnectionError(connection, "the name does not resolve") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not all(rules.may_connect(address, networks) for address in addresses):
        raise AddressRefusedError(connection, "the address is not allowed")
    return addresses
