"""The request members of lists with pages."""

from __future__ import annotations

from marshmallow import fields, validate

PAGE = {
    "after": fields.String(
        load_default=None, allow_none=True, metadata={"description": "`next` of the previous page"}
    ),
    "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
}
