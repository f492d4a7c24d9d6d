"""A small HTTP client of the gateway, as a frontend or a script would write it."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter


class UnexpectedAnswer(Exception):
    """The gateway gave another answer than expected."""

    def __init__(self, method: str, path: str, response: requests.Response) -> None:
        super().__init__(f"{method} {path}: {response.status_code} {response.text[:500]}")
        self.response = response


class Portico:
    """Calls the gateway at `url`, with a session token if there is one. Methods return the answer's JSON."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_maxsize=64))
        self.token = token
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def log_in(self, organisation: str, login: str, password: str) -> Portico:
        """A client with a session of this account."""
        credentials = {"organisation": organisation, "login": login, "password": password}
        answer = self.send("POST", "/v1/sessions", json=credentials, expect=201)
        return Portico(self.url, answer["token"])

    def get(self, path: str, expect: int = 200, **query: Any) -> Any:
        """GET with a query."""
        return self.send("GET", path, params=query, expect=expect)

    def post(self, path: str, expect: int = 201, **body: Any) -> Any:
        """POST a JSON body."""
        return self.send("POST", path, json=body, expect=expect)

    def put(self, path: str, expect: int = 200, version: int | None = None, **body: Any) -> Any:
        """PUT a JSON body, with If-Match where a version is given."""
        return self.send("PUT", path, json=body, headers=_if_match(version), expect=expect)

    def act(self, path: str, version: int, expect: int = 200, **body: Any) -> Any:
        """POST that changes an object, with If-Match."""
        return self.send("POST", path, json=body, headers=_if_match(version), expect=expect)

    def delete(self, path: str, expect: int = 200) -> Any:
        """DELETE."""
        return self.send("DELETE", path, expect=expect)

    def upload(
        self, path: str, content: bytes, file_name: str, media_type: str, expect: int = 200, **form: Any
    ) -> Any:
        """POST a file with form members."""
        return self.send(
            "POST", path, data=form, files={"file": (file_name, content, media_type)}, expect=expect
        )

    def download(self, path: str) -> bytes:
        """GET a file."""
        response = self._session.get(self.url + path, timeout=60)
        if response.status_code != 200:
            raise UnexpectedAnswer("GET", path, response)
        return response.content

    def send(self, method: str, path: str, expect: int, **options: Any) -> Any:
        """One request. Raises UnexpectedAnswer unless the status is `expect`."""
        response = self._session.request(method, self.url + path, timeout=70, **options)
        if response.status_code != expect:
            raise UnexpectedAnswer(method, path, response)
        return response.json() if response.content else None


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}
