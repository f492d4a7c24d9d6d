"""How a list is asked for page by page."""

from __future__ import annotations

from marshmallow import fields, validate

PAGE = {
    "after": fields.String(
        load_default=None, allow_none=True, metadata={"description": "`next` of the page before"}
    ),
    "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
}
