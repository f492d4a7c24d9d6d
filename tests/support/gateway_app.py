"""The gateway's application over a client of the test, for tests of what it does before a service is called."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask

from gateway.app import create_app

MAX_STORED_BYTES = 10_000
MOST_API_REQUESTS = 200


def gateway_app(blobs: Path, client: Any) -> flask.Flask:
    """It serves the API and all pages."""
    settings: Any = SimpleNamespace(
        max_upload_bytes=2000,
        max_stored_bytes=MAX_STORED_BYTES,
        unused_files_kept_hours=24,
        blob_dir=str(blobs),
        blob_s3_bucket=None,
        rpc_timeout_s=5.0,
        gateway_threads=64,
        api_requests_a_minute=MOST_API_REQUESTS,
        trusted_proxies=(ipaddress.ip_network("10.0.0.0/8"),),
        public_url=None,
        gateway_serves="all",
        pages_key_file=None,
        demo_front_door_file=None,
        live_url=None,
    )
    return create_app(settings, client)
