"""JSON Schema of Python types as a form wants it: labelled, without indirection, marked where a value is secret.

Pydantic's own schema is right for machines. A form also needs: labels in words, labelled enum members, definitions in
place (the browser's form library and both drafts it knows agree on that), one type list in place of ``anyOf`` with
null, and a mark on every secret. Layout hints ride along as ``ui:…`` keys until :mod:`hitl_jupyter.forms.layout`
takes them out.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from hitl_jupyter.forms.choices import choice_schema, json_type
from hitl_jupyter.forms.words import humanise
from hitl_jupyter.masking import SCHEMA_LISTS, SCHEMA_MAPS, SCHEMA_MEMBERS, subschemas, without_secrets

Schema = dict[str, Any]

NONE_LABEL = "(none)"
_PREFIX = "#/$defs/"
_BRANCH_NAMES = {
    "integer": "Whole number",
    "number": "Number",
    "string": "Text",
    "boolean": "Yes or no",
    "array": "List",
    "object": "Group",
}
_KNOWN_FORMATS = frozenset(
    {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid", "password", "color"}
)


class FormSchema(GenerateJsonSchema):
    """Pydantic's generator with labels for people; a type that no form can show is an error."""

    def get_title_from_name(self, name: str) -> str:
        return humanise(name)

    def emit_warning(self, kind: Any, detail: str) -> None:
        """A default that is not JSON is left out of the form; the author's code still has it."""

    def encode_default(self, dft: Any) -> Any:
        return float(dft) if isinstance(dft, Decimal) else super().encode_default(dft)

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        plain = super().enum_schema(schema)
        values = plain.pop("enum", None) or [plain.pop("const", None)]
        if any(json_type(value) is None for value in values):
            return self.handle_invalid_for_json_schema(schema, f"{schema['cls'].__name__}: its values are no scalars")
        labels = [humanise(member.name) for member in schema["members"]]
        return {**plain, **choice_schema(list(zip(values, labels, strict=True)))}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        plain = super().literal_schema(schema)
        if "enum" in plain and "type" not in plain:
            return choice_schema([(value, label_of(value)) for value in plain["enum"]])
        return plain

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        branches = super().decimal_schema(schema).get("anyOf", [])
        number: Schema = next((branch for branch in branches if branch.get("type") == "number"), {})
        return {"type": "number", **number}

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        return {"type": "string", "ui:widget": "time"}

    def json_or_python_schema(self, schema: core_schema.JsonOrPythonSchema) -> JsonSchemaValue:
        plain = super().json_or_python_schema(schema)
        serialize = dict(schema.get("serialization") or {}).get("function")
        if getattr(serialize, "__name__", "") == "_serialize_secret":  # Secret[T], which pydantic leaves unmarked
            return {**plain, "writeOnly": True, "format": "password"}
        return plain


class ParameterSchema(FormSchema):
    """For the parameters of a task, which may be any Python object: what JSON cannot say is left open."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}


def json_schema(adapter: TypeAdapter[Any], generator: type[GenerateJsonSchema] = FormSchema) -> Schema:
    """The schema of a type, tidied for a form."""
    schema = adapter.json_schema(by_alias=True, mode="validation", schema_generator=generator)
    flat = _flattened(_fields_labelled(schema))
    tidied = _tidied(flat)
    return _without_secret_defaults(tidied, tidied)


def is_object(schema: Schema) -> bool:
    """Whether a schema's values are objects of named fields."""
    return schema.get("type") == "object" and isinstance(schema.get("properties"), dict)


def label_of(value: Any) -> str:
    """What a person reads for a JSON scalar."""
    if value is None:
        return NONE_LABEL
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


def options_of(schema: Schema) -> list[tuple[Any, str]] | None:
    """The ``(value, label)`` pairs of a choice; None where the schema is none."""
    if isinstance(values := schema.get("enum"), list):
        return [(value, label_of(value)) for value in values]
    branches = schema.get("oneOf")
    if isinstance(branches, list) and branches and all("const" in branch for branch in branches):
        return [(branch["const"], str(branch.get("title", label_of(branch["const"])))) for branch in branches]
    return None


def replace_subschemas(schema: Schema, change: Any) -> Schema:
    """A copy in which each direct subschema is ``change(subschema)``."""
    changed = dict(schema)
    for keyword in SCHEMA_MAPS:
        if isinstance(held := schema.get(keyword), dict):
            changed[keyword] = {name: change(part) if isinstance(part, dict) else part for name, part in held.items()}
    for keyword in SCHEMA_LISTS:
        if isinstance(parts := schema.get(keyword), list):
            changed[keyword] = [change(part) if isinstance(part, dict) else part for part in parts]
    for keyword in SCHEMA_MEMBERS:
        if isinstance(part := schema.get(keyword), dict):
            changed[keyword] = change(part)
    return changed


def _fields_labelled(schema: Schema) -> Schema:
    """A field is labelled by its own name, not by the class of what it holds."""
    labelled = replace_subschemas(schema, _fields_labelled)
    if isinstance(properties := labelled.get("properties"), dict):
        labelled["properties"] = {name: {"title": humanise(name), **part} for name, part in properties.items()}
    return labelled


# -- definitions in place -------------------------------------------------------------------------------------------


def _flattened(schema: Schema) -> Schema:
    """The schema with every ``$ref`` replaced by what it names; only recursive definitions stay."""
    definitions = {name: _labelled(name, held) for name, held in schema.get("$defs", {}).items()}
    recursive = {name for name in definitions if name in _reachable(definitions[name], definitions)}

    def inline(part: Schema) -> Schema:
        name = _target(part)
        if name is None or name in recursive or name not in definitions:
            return replace_subschemas(part, inline)
        beside = {keyword: held for keyword, held in part.items() if keyword != "$ref"}
        return inline({**definitions[name], **beside})

    root = {keyword: held for keyword, held in schema.items() if keyword != "$defs"}
    if (name := _target(root)) in recursive:
        root = {**definitions[str(name)], **{k: v for k, v in root.items() if k != "$ref"}}
    flat = inline(root)
    if recursive:
        flat["$defs"] = {name: inline(definitions[name]) for name in sorted(recursive)}
    if isinstance(title := flat.get("title"), str):
        flat["title"] = _class_label(title)
    return flat


def _target(part: Schema) -> str | None:
    reference = part.get("$ref")
    return reference.removeprefix(_PREFIX) if isinstance(reference, str) and reference.startswith(_PREFIX) else None


def _reachable(schema: Schema, definitions: dict[str, Schema]) -> set[str]:
    reached: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        name = _target(part)
        if name is not None and name in definitions and name not in reached:
            reached.add(name)
            waiting.append(definitions[name])
        waiting += subschemas(part)
    return reached


def _labelled(name: str, definition: Schema) -> Schema:
    title = definition.get("title")
    return {**definition, "title": _class_label(title)} if isinstance(title, str) else definition


def _class_label(title: str) -> str:
    """A class's name as a label; a title that an author wrote stays as it is."""
    return humanise(title) if title.isidentifier() else title


# -- what a form library shows well ---------------------------------------------------------------------------------


def _tidied(schema: Schema) -> Schema:
    tidied = _nullable(replace_subschemas(schema, _tidied))
    if isinstance(discriminator := tidied.get("discriminator"), dict):
        tidied["discriminator"] = {k: v for k, v in discriminator.items() if k != "mapping"}
    if tidied.get("format") not in _KNOWN_FORMATS:
        tidied.pop("format", None)
    if tidied.get("type") == "array":
        _tidy_array(tidied)
    if isinstance(branches := tidied.get("anyOf"), list):
        tidied["anyOf"] = [_named(branch) for branch in branches]
    return tidied


def _named(branch: Schema) -> Schema:
    """A branch of a union with a name to choose it by."""
    name = _BRANCH_NAMES.get(str(branch.get("type")))
    return branch if name is None or "title" in branch else {**branch, "title": name}


def _tidy_array(schema: Schema) -> None:
    items = schema.get("items")
    if isinstance(items, dict) and options_of(items) is not None:
        schema["uniqueItems"] = True
    fixed = schema.pop("prefixItems", None)
    if fixed:
        kinds = [dict(kind) for at, kind in enumerate(fixed) if kind not in fixed[:at]]
        schema["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": [_named(kind) for kind in kinds]}


def _nullable(schema: Schema) -> Schema:
    """``anyOf`` with null as one plain field that may be left empty."""
    branches = schema.get("anyOf")
    if not isinstance(branches, list) or {"type": "null"} not in branches:
        return schema
    others = [branch for branch in branches if branch != {"type": "null"}]
    outside = {"default": None} | {keyword: held for keyword, held in schema.items() if keyword != "anyOf"}
    if len(others) != 1 or not (merged := _or_null(others[0])):
        return {**outside, "anyOf": [*others, {"type": "null", "title": NONE_LABEL}]}
    return {**merged, **outside}


def _or_null(schema: Schema) -> Schema | None:
    options = options_of(schema)
    if "const" in schema:
        options = [(schema["const"], label_of(schema["const"]))]
    elif schema.get("type") == "boolean" and options is None:
        options = [(True, "Yes"), (False, "No")]
    if options is not None:
        rest = {k: v for k, v in schema.items() if k not in ("enum", "const")}
        return {**rest, **choice_schema([*options, (None, NONE_LABEL)]), "ui:widget": "select"}
    if schema.get("type") in ("string", "integer", "number", "array"):
        empty = {} if schema["type"] == "array" else {"ui:emptyValue": None}
        return {**schema, "type": [schema["type"], "null"], **empty}
    return None


def _without_secret_defaults(schema: Schema, root: Schema) -> Schema:
    """A default must not carry a secret to the browser, nor its mask, which would come back as the secret."""
    cleaned = replace_subschemas(schema, lambda part: _without_secret_defaults(part, root))
    if "default" in cleaned:
        kept = without_secrets({"it": cleaned.pop("default")}, {**root, "properties": {"it": _bare(schema)}})
        if "it" in kept:
            cleaned["default"] = kept["it"]
    return cleaned


def _bare(schema: Schema) -> Schema:
    return {keyword: held for keyword, held in schema.items() if keyword != "default"}


def adapter_of(spec: Any) -> TypeAdapter[Any]:
    """The validator of a type; raises ``TypeError`` with a next step where there can be none."""
    try:
        return TypeAdapter(spec)
    except Exception as error:  # pydantic raises several unrelated kinds here
        raise no_form(spec, error) from error


def no_form(spec: Any, error: object) -> TypeError:
    """The error for a type no form can be made of."""
    name = getattr(spec, "__name__", None) or repr(spec)
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else "it has no JSON form"
    return TypeError(
        f"No form can be made of {name}: {reason}. Use a pydantic model, a dataclass, a TypedDict, a builtin type, "
        "Literal, an Enum, or a list of {name, type, …} fields."
    )
