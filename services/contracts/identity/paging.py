"""The members by which lists of identity are paged: the cursor `after`, and the limit."""

from __future__ import annotations

from marshmallow import fields, validate

PAGE = {
    "after": fields.String(load_default=None, allow_none=True),
    "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
}
