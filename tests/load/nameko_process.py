"""A service under stock nameko, as `nameko run` starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import amqp

from tests.load import bare
from tests.support.eventually import eventually
from tests.support.servers import temporary_folder


@contextlib.contextmanager
def nameko_process(
    uri: str, module: str, service: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """With the module's `service` running and consuming."""
    with temporary_folder("portico-nameko-") as folder:
        config = folder / "config.yaml"
        config.write_text(f"AMQP_URI: '{uri}'\nserializer: json\nmax_workers: 64\n")
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("nameko")), "run", "--config", str(config), module],
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        try:
            eventually(lambda: _assert_served(uri, service), timeout_s=20)
            yield process
        finally:
            process.terminate()
            process.wait(10)


def _assert_served(uri: str, service: str) -> None:
    with contextlib.closing(bare.connect(uri)) as connection:
        try:
            assert connection.channel().queue_declare(f"rpc-{service}", passive=True).consumer_count == 1
        except amqp.NotFound as error:
            raise AssertionError("the service is not there yet") from error
