"""Pure rules of logging in."""

from __future__ import annotations

import datetime

CHALLENGE_LIFETIME = datetime.timedelta(minutes=5)
