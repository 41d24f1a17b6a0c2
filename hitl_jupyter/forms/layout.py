"""What a form looks like: the layout hints for the browser's form library, and the proof of concept's field list."""

from __future__ import annotations

from typing import Any

from hitl_jupyter.forms.schema import Schema, options_of, replace_subschemas
from hitl_jupyter.masking import has_secrets

_LONG = 200
"""Characters: a text that may be longer, or has a longer default, gets several lines."""
_HINT = "ui:"


def split_layout(schema: Schema) -> tuple[Schema, dict[str, Any]]:
    """The pure schema, and its layout: ``ui:order`` and what each field needs.

    Hints that an author wrote, as ``Field(json_schema_extra={"ui:widget": "textarea"})``, win.
    """
    return _without_hints(schema), _layout(schema)


def _without_hints(schema: Schema) -> Schema:
    kept = {keyword: held for keyword, held in schema.items() if not keyword.startswith(_HINT)}
    return replace_subschemas(kept, _without_hints)


def _layout(schema: Schema) -> dict[str, Any]:
    layout = _guessed(schema)
    if isinstance(properties := schema.get("properties"), dict):
        if taken := [name for name in properties if name.startswith(_HINT)]:
            raise ValueError(
                f"A field cannot be called {taken[0]!r}: {_HINT} begins the layout's own names. Rename it."
            )
        layout["ui:order"] = list(properties)
        layout |= {name: inner for name, part in properties.items() if (inner := _layout(part))}
    if isinstance(items := schema.get("items"), dict) and options_of(items) is None and (inner := _layout(items)):
        layout["items"] = inner
    return layout | {keyword: held for keyword, held in schema.items() if keyword.startswith(_HINT)}


def _guessed(schema: Schema) -> dict[str, Any]:
    if schema.get("format") == "password" or schema.get("writeOnly") is True:
        return _guessed_secret(schema)
    if options_of(schema) is not None:
        return {}
    kind = _type(schema)
    if kind == "array":
        return _guessed_array(schema)
    if schema.get("type") == ["integer", "null"]:
        return {"ui:options": {"inputType": "number"}}  # which the form library does for a plain one only
    if kind == "boolean" and "default" not in schema:
        return {"ui:widget": "radio"}  # an untouched check box would be no answer at all
    return _guessed_text(schema) if kind == "string" else {}


def _guessed_secret(schema: Schema) -> dict[str, Any]:
    if _type(schema) != "string":  # the password widget takes text only
        return {"ui:options": {"inputType": "password", "autocomplete": "off"}}
    return {"ui:widget": "password", "ui:options": {"autocomplete": "off"}}


def _guessed_array(schema: Schema) -> dict[str, Any]:
    items = schema.get("items")
    return {"ui:widget": "checkboxes"} if isinstance(items, dict) and options_of(items) is not None else {}


def _guessed_text(schema: Schema) -> dict[str, Any]:
    widgets = {"date": "date", "date-time": "datetime", "email": "email", "uri": "uri", "color": "color"}
    layout: dict[str, Any] = {}
    if (known := schema.get("format")) in widgets:
        layout["ui:widget"] = widgets[str(known)]
    default = schema.get("default")
    if known is None and (schema.get("maxLength", 0) > _LONG or (isinstance(default, str) and _is_long(default))):
        layout["ui:widget"] = "textarea"
    if default and not schema.get("minLength") and known is None:
        layout["ui:emptyValue"] = ""  # emptied means empty, not "take the default again"
    return layout


def _is_long(text: str) -> bool:
    return "\n" in text or len(text) > _LONG


def _type(schema: Schema) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((one for one in kind if one != "null"), "null")
    return kind


# -- the proof of concept's field list --------------------------------------------------------------------------------


def fields_of(schema: Schema, layout: dict[str, Any], initial: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The form as ``[{name, description, type, value, required, …}]``, for clients that know nothing of schemas."""
    required = schema.get("required", [])
    return [
        _field(name, part, layout.get(name, {}), name in required, initial or {})
        for name, part in schema["properties"].items()
    ]


def _field(name: str, part: Schema, layout: dict[str, Any], required: bool, initial: dict[str, Any]) -> dict[str, Any]:
    kind = _kind(part, layout)
    value = initial.get(name, part.get("default"))
    field = {
        "name": name,
        "description": part.get("description") or part.get("title") or name,
        "type": kind,
        "value": _BLANK.get(kind) if value is None else value,
        "required": required,
    }
    holder = part["items"] if kind == "multi" else part
    if kind in ("enum", "multi") and (options := options_of(holder)) is not None:
        field["options"] = [option for option, _ in options]
        if any(label != option for option, label in options):
            field["labels"] = [label for _, label in options]
    return field | {ours: part[theirs] for theirs, ours in _LIMITS.items() if theirs in part}


def _kind(part: Schema, layout: dict[str, Any]) -> str:
    if part.get("format") == "password" or part.get("writeOnly") is True:
        return "secret"
    if options_of(part) is not None:
        return "enum"
    kind = _type(part)
    if kind == "array" and isinstance(part.get("items"), dict) and options_of(part["items"]) is not None:
        return "multi"
    if kind == "string":
        if part.get("format") == "date":
            return "date"
        return "text" if layout.get("ui:widget") == "textarea" else "string"
    return _SCALARS.get(kind, "object") if isinstance(kind, str) and not has_secrets(part) else "object"


_SCALARS = {"integer": "int", "number": "float", "boolean": "bool"}
_BLANK: dict[str, Any] = {"string": "", "text": "", "secret": "", "bool": False, "multi": []}
_LIMITS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "pattern": "pattern",
}
