"""Secrets in JSON values, found by their JSON Schema: pure, and free of pydantic, so that the engine can use it.

A schema is secret where it says ``writeOnly: true`` or ``format: "password"``. In doubt a value counts as secret: in a
union it does so as soon as one branch is secret, and so does an undeclared key beside declared secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MASK = "**********"
"""What stands for a secret in journals, replies and logs."""

Schema = dict[str, Any]

SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
SCHEMA_MEMBERS = (
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "if",
    "then",
    "else",
    "not",
)
_BRANCHES = ("if", "then", "else")
_DROPPED = object()
_Replace = Callable[[Any], Any]


def mask(values: Any, schema: Schema) -> Any:
    """A copy of ``values`` in which every secret is :data:`MASK`; null stays null, for it tells nothing.

    Examples
    --------
    >>> mask({"user": "ada", "token": "s3"}, {"properties": {"user": {}, "token": {"writeOnly": True}}})
    {'user': 'ada', 'token': '**********'}
    """
    return _walk(values, [schema], schema, lambda secret: secret if secret is None else MASK)


def without_secrets(values: Any, schema: Schema) -> Any:
    """A copy of ``values`` with every secret left out (null where the whole is one): for drafts and prefills.

    Examples
    --------
    >>> without_secrets({"user": "ada", "token": "s3"}, {"properties": {"user": {}, "token": {"writeOnly": True}}})
    {'user': 'ada'}
    """
    kept = _walk(values, [schema], schema, lambda secret: _DROPPED)
    return None if kept is _DROPPED else kept


def secret_texts(values: Any, schema: Schema) -> set[str]:
    """The secrets in ``values`` as text, to look for them where they must not be."""
    found: set[str] = set()

    def note(secret: Any) -> Any:
        found.update(_texts(secret))
        return secret

    _walk(values, [schema], schema, note)
    return found


def has_secrets(schema: Schema) -> bool:
    """Whether a value of this schema can hold a secret.

    Examples
    --------
    >>> has_secrets({"properties": {"login": {"properties": {"token": {"format": "password"}}}}})
    True
    """
    return is_secret(schema) or any(has_secrets(part) for part in subschemas(schema))


def subschemas(schema: Schema) -> Iterator[Schema]:
    """The schemas directly inside a schema, whatever keyword they stand under."""
    for keyword in SCHEMA_MAPS:
        if isinstance(held := schema.get(keyword), dict):
            yield from _schemas(list(held.values()))
    for keyword in SCHEMA_LISTS:
        yield from _schemas(schema.get(keyword))
    for keyword in SCHEMA_MEMBERS:
        held = schema.get(keyword)
        yield from _schemas(held if isinstance(held, list) else [held])


def _schemas(candidates: Any) -> Iterator[Schema]:
    return (c for c in candidates if isinstance(c, dict)) if isinstance(candidates, list) else iter(())


def is_secret(schema: Schema) -> bool:
    """Whether a schema itself says so."""
    return schema.get("writeOnly") is True or schema.get("format") == "password"


def _walk(value: Any, schemas: list[Schema], root: Schema, replace: _Replace) -> Any:
    facets = _facets(schemas, root)
    if any(is_secret(facet) for facet in facets):
        return replace(value)
    if isinstance(value, dict):
        guarded = any(_names_secret(facet, root) for facet in facets)
        walked = {key: _walk_member(key, item, facets, guarded, root, replace) for key, item in value.items()}
        return {key: item for key, item in walked.items() if item is not _DROPPED}
    if isinstance(value, list):
        items = (_walk(item, _item_schemas(index, facets), root, replace) for index, item in enumerate(value))
        return [item for item in items if item is not _DROPPED]
    return value


def _walk_member(key: str, item: Any, facets: list[Schema], guarded: bool, root: Schema, replace: _Replace) -> Any:
    schemas = _member_schemas(key, facets)
    if not schemas and guarded:
        return replace(item)
    return _walk(item, schemas, root, replace)


def _facets(schemas: list[Schema], root: Schema) -> list[Schema]:
    """Every schema that has a say on one value: the given ones, what they refer to, and all their branches."""
    facets: list[Schema] = []
    seen: set[int] = set()
    waiting = list(schemas)
    while waiting:
        schema = waiting.pop()
        if id(schema) in seen:
            continue
        seen.add(id(schema))
        facets.append(schema)
        if isinstance(reference := schema.get("$ref"), str):
            waiting += _resolve(reference, root)
        for keyword in ("anyOf", "oneOf", "allOf"):
            waiting += _schemas(schema.get(keyword))
        waiting += _schemas([schema.get(keyword) for keyword in _BRANCHES])
        if isinstance(dependent := schema.get("dependentSchemas"), dict):
            waiting += _schemas(list(dependent.values()))
    return facets


def _resolve(reference: str, root: Schema) -> list[Schema]:
    target: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        target = target.get(name) if isinstance(target, dict) else None
    return [target] if isinstance(target, dict) else []


def _names_secret(facet: Schema, root: Schema) -> bool:
    properties = facet.get("properties")
    if not isinstance(properties, dict):
        return False
    return any(is_secret(part) for held in _schemas(list(properties.values())) for part in _facets([held], root))


def _member_schemas(key: str, facets: list[Schema]) -> list[Schema]:
    return [schema for facet in facets for schema in _member_of(key, facet)]


def _member_of(key: str, facet: Schema) -> list[Schema]:
    named = facet.get("properties") or {}
    if key in named:
        return list(_schemas([named[key]]))
    # Patterns come from the task, so none is run here, where it might hang the server: each of them is in doubt.
    patterns = facet.get("patternProperties") or {}
    open_ended = [facet.get("additionalProperties"), facet.get("unevaluatedProperties")]
    return list(_schemas([*patterns.values(), *open_ended]))


def _item_schemas(index: int, facets: list[Schema]) -> list[Schema]:
    return [schema for facet in facets for schema in _item_of(index, facet)]


def _item_of(index: int, facet: Schema) -> list[Schema]:
    items = facet.get("items")
    fixed = facet.get("prefixItems") or (items if isinstance(items, list) else [])
    if index < len(fixed):
        found = [fixed[index]]
    else:
        found = [items, facet.get("additionalItems"), facet.get("unevaluatedItems")]
    return list(_schemas([*found, facet.get("contains")]))


def _texts(secret: Any) -> Iterator[str]:
    if isinstance(secret, dict):
        for item in secret.values():
            yield from _texts(item)
    elif isinstance(secret, list):
        for item in secret:
            yield from _texts(item)
    elif secret is not None and not isinstance(secret, bool):
        yield str(secret)
