"""`python -m deploy.bounce < MAIL`: hand a returned mail over, as the mailbox of MAIL_BOUNCES_TO does for each mail.

The same mailbox, or another one that runs this, takes the reports of complaints (RFC 5965) of mailbox providers.

In Postfix: a `pipe` transport for that address, with PUBLIC_URL and PROVIDER_REPORTS_KEY in its environment. The exit code is
0 when the mail was taken and 75 (try again later) otherwise.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sys
import time
from collections.abc import Mapping

import requests

MOST_BYTES = 250_000
"""Of a longer mail the beginning is handed over. Why it came back stands there, and the mail itself follows."""
_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h


def hand_over(mail: bytes, url: str, key: str) -> bool:
    """Post a mail to the gateway at `url`. Returns whether it ended a delivery. Raises requests.RequestException."""
    message = base64.b64encode(mail[:MOST_BYTES]).decode()
    timestamp = int(time.time())
    signed = f"mail.{timestamp}.{hashlib.sha256(message.encode()).hexdigest()}"
    answer = requests.post(
        f"{url.rstrip('/')}/v1/deliveries/returned-mails",
        json={
            "message": message,
            "timestamp": timestamp,
            "signature": hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest(),
        },
        timeout=20,
    )
    answer.raise_for_status()
    return bool(answer.json()["is_noted"])


def main(environ: Mapping[str, str] = os.environ) -> int:
    """The exit code."""
    try:
        hand_over(sys.stdin.buffer.read(), environ["PUBLIC_URL"], environ["PROVIDER_REPORTS_KEY"])
    except requests.RequestException as error:
        print(f"The mail was not taken: {type(error).__name__}", file=sys.stderr)
        return _TRY_AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(main())
