"""JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it) of marshmallow schemas."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema


def _name(schema: type[Schema] | Schema) -> str | None:
    """The component name of a schema. None for a nested dict of fields, which has no name and is written in place."""
    name = schema.__name__ if isinstance(schema, type) else type(schema).__name__
    return None if name == "GeneratedSchema" else name


class JsonSchemas:
    """Converts schemas and collects the named ones that they refer to."""

    def __init__(self) -> None:
        self._plugin = MarshmallowPlugin(schema_name_resolver=_name)
        self._spec = APISpec(title="", version="1", openapi_version="3.1.0", plugins=[self._plugin])

    def of(self, schema: Schema) -> dict[str, Any]:
        """The schema itself, written out."""
        converter = self._plugin.converter
        assert converter is not None  # noqa: S101 - the plugin is initialised by APISpec
        return dict(_plain({**converter.schema2jsonschema(schema), "additionalProperties": False}))

    def reference(self, schema: Schema) -> dict[str, Any]:
        """A reference to the schema among `components`."""
        converter = self._plugin.converter
        assert converter is not None  # noqa: S101 - as above
        return dict(_plain(converter.resolve_nested_schema(schema)))

    @property
    def components(self) -> dict[str, Any]:
        """The named schemas by name, in alphabetical order."""
        return dict(sorted(_plain(self._spec.components.to_dict().get("schemas", {})).items()))


def _plain(value: Any) -> Any:
    """The value as plain dicts, lists and JSON values, without the subclasses of apispec."""
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
