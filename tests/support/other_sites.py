"""Requests that a page of another site can make a visitor's browser send, and what every answer of ours has to say to browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import flask

WRITES = ("POST", "PUT", "PATCH", "DELETE")
# What the browser reports of the page that made it send the request, and whether the page could set our own header.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "X-Portico-Request": "1"}
FOREIGN: Mapping[str, dict[str, str]] = {
    "nothing is reported": {"X-Portico-Request": "1"},
    "another site": {**OWN_PAGE, "Sec-Fetch-Site": "cross-site"},
    "a neighbour's site": {**OWN_PAGE, "Sec-Fetch-Site": "same-site"},
    "another origin": {**OWN_PAGE, "Origin": "https://evil.example"},
    "a page without origin": {**OWN_PAGE, "Origin": "null"},
    "a name that begins like ours": {**OWN_PAGE, "Origin": "http://localhost.evil.example"},
}
# What a form of another site can be sent as, without the browser asking us first (Fetch standard, CORS-safelisted).
SIMPLE = ("text/plain", "application/x-www-form-urlencoded")
EVERYWHERE = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MADE_UP = "0123456789abcdef" * 2


class Address(NamedTuple):
    """A method and an address with made-up parameters, and the rule that serves it."""

    method: str
    path: str
    rule: str
    endpoint: str


def addresses(app: flask.Flask, *methods: str) -> Iterator[Address]:
    """Every address that the gateway serves with one of these methods."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", MADE_UP, rule.rule)
        for method in methods:
            if method in (rule.methods or ()):
                yield Address(method, path, rule.rule, rule.endpoint)


def missing_headers(headers: Mapping[str, str]) -> list[str]:
    """What an answer that may hold something of a person does not tell browsers."""
    wrong = [name for name, value in EVERYWHERE.items() if headers.get(name) != value]
    policy = headers.get("Content-Security-Policy", "")
    if not re.search(r"(^|; )frame-ancestors 'none'|^sandbox", policy) or "default-src 'none'" not in policy:
        wrong.append(f"Content-Security-Policy: {policy}")
    # Pages tell their own site where a visitor came from, and no other.
    if headers.get("Referrer-Policy") not in ("no-referrer", "same-origin"):
        wrong.append("Referrer-Policy")
    if headers.get("Cache-Control") != "no-store":
        wrong.append(f"Cache-Control: {headers.get('Cache-Control')}")
    if "Access-Control-Allow-Credentials" in headers or headers.get("Access-Control-Allow-Origin") == "*":
        wrong.append("Access-Control")
    return wrong
