"""How lists of identity are paged by key."""

from __future__ import annotations

from marshmallow import fields, validate

PAGE = {
    "after": fields.String(load_default=None, allow_none=True),
    "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
}
