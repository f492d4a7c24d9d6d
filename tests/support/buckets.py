"""An S3-compatible store on loopback, in memory of the tests' process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import minio
from moto.server import ThreadedMotoServer

from services.chassis.s3_blobs import Bucket


@contextlib.contextmanager
def buckets() -> Iterator[str]:
    """The address of the store."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str, name: str) -> Bucket:
    """An empty bucket of this name."""
    bucket = Bucket(endpoint, name, "made-up-access-key", "made-up-secret-key", "us-east-1")
    client(bucket).make_bucket(name)
    return bucket


def client(bucket: Bucket) -> minio.Minio:
    """A client of the store."""
    return minio.Minio(
        bucket.endpoint.partition("//")[2],
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        secure=False,
        region=bucket.region,
    )
