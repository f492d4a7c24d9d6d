"""A mail server that delivers nowhere: it keeps every message in a folder and shows them in the browser.

`python -m deploy.mailcatcher --smtp-port 8402 --http-port 8401 --folder var/mail`. Messages survive a restart. For
development and tests only: it binds 127.0.0.1 and requires no login.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
td,th{text-align:left;padding:.3rem 1rem .3rem 0;vertical-align:top}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_LINK = re.compile(r"https?://[^\s<>\"']+")
_OUR_NAMES = {"127.0.0.1", "localhost"}


@dataclass(frozen=True)
class Mail:
    """One caught message. `sender` and `to` are the envelope's; `date` is its arrival (ISO 8601, UTC)."""

    id: str
    sender: str
    to: list[str]
    subject: str
    date: str
    message_id: str
    unsubscribe: str
    text: str


class Mailbox:
    """The messages in `folder`, each in an `.eml` file. File names sort by arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._mails = {path.stem: _read(path) for path in sorted(folder.glob("*.eml"))}

    def keep(self, content: bytes, sender: str, recipients: list[str]) -> Mail:
        """Store a message durably, before it is acknowledged to the sender, and return it."""
        envelope = f"X-Envelope-From: {sender}\r\n" + "".join(
            f"X-Envelope-To: {recipient}\r\n" for recipient in recipients
        )
        with self._lock:
            path = self._folder / f"{time.time_ns():020d}.eml"
            draft = path.with_suffix(".part")
            with draft.open("wb") as file:
                file.write(envelope.encode("utf-8", "surrogateescape") + content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            mail = self._mails[path.stem] = _read(path)
        return mail

    def newest_first(self) -> list[Mail]:
        """All messages, the latest first."""
        with self._lock:
            return list(reversed(self._mails.values()))

    def find(self, mail_id: str) -> Mail | None:
        """The message with this id, or None."""
        return self._mails.get(mail_id)


def _read(path: Path) -> Mail:
    # `policy.default` decodes headers; the function's default policy would return them encoded.
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = message.get_body(preferencelist=("plain", "html"))
    arrived_s = int(path.stem) / 1e9
    return Mail(
        id=path.stem,
        sender=str(message.get("X-Envelope-From", "")),
        to=[str(value) for value in message.get_all("X-Envelope-To", [])],
        subject=str(message.get("Subject", "")),
        date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(arrived_s)),
        message_id=str(message.get("Message-ID", "")),
        unsubscribe=str(message.get("List-Unsubscribe", "")).strip("<>"),
        text=_text(body),
    )


def _text(body: object) -> str:
    if not isinstance(body, EmailMessage):
        return ""
    payload = body.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return raw.decode(body.get_content_charset() or "utf-8", "replace")
    except LookupError:  # unknown charset
        return raw.decode("utf-8", "replace")


class _Catcher:
    """The handler that aiosmtpd calls for every message."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name aiosmtpd calls
        content = envelope.content or b""
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        self._mailbox.keep(raw, envelope.mail_from or "", list(envelope.rcpt_tos))
        return "250 Message kept"


class MailCatcher:
    """SMTP sink and web page on 127.0.0.1, for use inside a test or as a process of its own."""

    def __init__(self, folder: Path, smtp_port: int, http_port: int) -> None:
        self.mailbox = Mailbox(folder)
        self.smtp_port = smtp_port
        self.http_port = http_port
        self._smtp: Controller | None = None
        self._web: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """The address of the web page."""
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        """Open both ports. Raises OSError when one is taken."""
        self._web = ThreadingHTTPServer(("127.0.0.1", self.http_port), _page_class(self.mailbox))
        threading.Thread(target=self._web.serve_forever, args=(0.05,), name="mail-web", daemon=True).start()
        # A controller can start only once, so each start needs a new one.
        self._smtp = Controller(_Catcher(self.mailbox), hostname="127.0.0.1", port=self.smtp_port)
        self._smtp.start()

    def stop(self) -> None:
        """Close both ports."""
        if self._smtp is not None:
            self._smtp.stop()
        if self._web is not None:
            self._web.shutdown()
            self._web.server_close()


def _page_class(mailbox: Mailbox) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        server_version = "mailcatcher"
        sys_version = ""

        def do_GET(self) -> None:
            # Prevents DNS rebinding: a foreign page could point its host name at this address and read the mails.
            if self.headers.get("Host", "").rpartition(":")[0] not in _OUR_NAMES:
                self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "unknown host\n")
                return
            status, kind, body = _response(mailbox, self.path.partition("?")[0])
            self._answer(status, kind, body)

        def _answer(self, status: HTTPStatus, kind: str, body: str) -> None:
            content = body.encode("utf-8", "replace")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", _CSP)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Log nothing: clients poll, and each poll would be a line."""

    return Page


def _response(mailbox: Mailbox, path: str) -> tuple[HTTPStatus, str, str]:
    """(status, content type, body) of one GET."""
    fixed: dict[str, tuple[str, Callable[[], str]]] = {
        "/": ("text/html", lambda: _list_page(mailbox.newest_first())),
        "/messages.json": ("application/json", lambda: _as_json(mailbox.newest_first())),
        "/style.css": ("text/css", lambda: _STYLE),
        "/healthz": ("text/plain", lambda: "ok\n"),
    }
    if path in fixed:
        kind, body = fixed[path]
        return HTTPStatus.OK, kind, body()
    mail = mailbox.find(path.removeprefix("/messages/")) if path.startswith("/messages/") else None
    if mail is None:
        return HTTPStatus.NOT_FOUND, "text/plain", "not found\n"
    return HTTPStatus.OK, "text/html", _mail_page(mail)


def _as_json(mails: list[Mail]) -> str:
    rows = [asdict(mail) for mail in mails]
    for row in rows:
        row["from"] = row.pop("sender")
    return json.dumps(rows)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">'
        f"<title>{html.escape(title)}</title></head><body><h1>{html.escape(title)}</h1>{body}</body></html>"
    )


def _list_page(mails: list[Mail]) -> str:
    if not mails:
        return _page("Caught mail", "<p>Nothing has been sent yet.</p>")
    rows = "".join(
        f"<tr><td>{html.escape(mail.date)}</td><td>{html.escape(', '.join(mail.to))}</td>"
        f'<td><a href="/messages/{mail.id}">{html.escape(mail.subject) or "(no subject)"}</a></td></tr>'
        for mail in mails
    )
    head = "<tr><th scope=col>Arrived</th><th scope=col>To</th><th scope=col>Subject</th></tr>"
    return _page("Caught mail", f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>")


def _mail_page(mail: Mail) -> str:
    head = "".join(
        f"<tr><th scope=row>{name}</th><td>{_linked(value)}</td></tr>"
        for name, value in (
            ("From", mail.sender),
            ("To", ", ".join(mail.to)),
            ("Arrived", mail.date),
            ("Message-ID", mail.message_id),
            ("Unsubscribe", mail.unsubscribe),
        )
        if value
    )
    back = '<p><a href="/">All mail</a></p>'
    return _page(
        mail.subject or "(no subject)", f"{back}<table>{head}</table><pre>{_linked(mail.text)}</pre>"
    )


def _linked(text: str) -> str:
    """`text` escaped, with http addresses made clickable."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        address = html.escape(found.group())
        parts += [
            html.escape(text[end : found.start()]),
            f'<a rel="noreferrer" href="{address}">{address}</a>',
        ]
        end = found.end()
    return "".join(parts) + html.escape(text[end:])


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m deploy.mailcatcher", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    stop = threading.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda _number, _frame: stop.set())
    catcher = MailCatcher(given.folder, given.smtp_port, given.http_port)
    catcher.start()
    stop.wait()
    catcher.stop()


if __name__ == "__main__":
    main()
