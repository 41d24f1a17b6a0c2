"""Write ``src/protocol.ts`` from ``hitl_jupyter/protocol.py``, ``states.py``, ``snapshot.py`` and ``summary.py``.

``--check`` writes nothing: it exits with 1, and a sentence, when the file is not what it would write. It needs the
package and msgspec, no Node.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from msgspec import NODEFAULT, UNSET, Struct, inspect

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from hitl_jupyter import protocol, snapshot, states, summary  # noqa: E402  # the checkout's own, whatever is installed

TARGET = ROOT / "labextension" / "src" / "protocol.ts"
PRINT_WIDTH = 100
HEADER = """\
// Generated from hitl_jupyter/{protocol,states,snapshot,summary}.py by scripts/generate_protocol.py. Do not edit.
"""
LITERALS = {
    name: get_args(value)
    for module in (protocol,)
    for name, value in vars(module).items()
    if get_origin(value) is Literal
}
UNIONS: dict[str, Any] = {
    "JournalEvent": protocol.JournalEvent,
    "SocketMessage": protocol.SocketMessage,
    "AnswerCommand": protocol.AnswerCommand,
    "Command": protocol.Command,
    "OpenRequest": snapshot.OpenRequest,
    "FeedMessage": summary.SessionChanged | summary.SessionsListed,
}
SNAPSHOT_PARTS: list[type[Struct]] = [
    snapshot.Settled,
    snapshot.ProgressState,
    snapshot.AttemptSpan,
    snapshot.Snapshot,
]
SUMMARY_PARTS: list[type[Struct]] = [
    summary.OpenRequestSummary,
    summary.Wait,
    summary.Summary,
    summary.SessionPage,
    summary.SessionChanged,
    summary.SessionsListed,
]


def members(union: Any) -> tuple[type[Struct], ...]:
    return get_args(union)


def structs() -> Iterator[type[Struct]]:
    yield protocol.Origin
    yield protocol.SessionFacts
    for union in (protocol.JournalEvent, protocol.SocketMessage, protocol.Command):
        yield from members(union)
    yield from SNAPSHOT_PARTS
    yield from SUMMARY_PARTS


def commented(text: str, indent: str = "") -> str:
    lines = cleandoc(text).replace("``", "`").splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def literal(values: tuple[Any, ...]) -> str:
    for name, known in LITERALS.items():
        if set(known) == set(values):
            return name
    return " | ".join(quoted(value) for value in values)


def quoted(value: str) -> str:
    return f"'{value}'"


def type_of(kind: inspect.Type) -> str:
    match kind:
        case inspect.AnyType():
            return "Json"
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType() | inspect.FloatType():
            return "number"
        case inspect.StrType():
            return "string"
        case inspect.LiteralType():
            return literal(kind.values)
        case inspect.ListType() | inspect.VarTupleType():
            item = type_of(kind.item_type)
            return f"readonly ({item})[]" if " | " in item else f"readonly {item}[]"
        case inspect.DictType():
            return f"Readonly<Record<string, {type_of(kind.value_type)}>>"
        case inspect.StructType():
            return kind.cls.__name__
        case inspect.UnionType():
            return union_of(kind)
        case inspect.Metadata():
            return type_of(kind.type)
    raise NotImplementedError(f"No TypeScript is known for {kind!r}; teach generate_protocol.py about it.")


def union_of(kind: inspect.UnionType) -> str:
    names = [type_of(part) for part in kind.types]
    for alias, union in UNIONS.items():
        parts = {part.__name__ for part in members(union)}
        if parts <= set(names):
            names = [alias, *(name for name in names if name not in parts)]
    return " | ".join(sorted(names, key=lambda name: name == "null"))


def may_be_absent(cls: type[Struct], field: inspect.Field, *, sent_by_us: bool) -> bool:
    unset = not field.required and field.default is NODEFAULT and field.default_factory is NODEFAULT
    given_by_default = not field.required and (sent_by_us or cls.__struct_config__.omit_defaults)
    return unset or field.default is UNSET or given_by_default


def interface(cls: type[Struct]) -> str:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    sent_by_us = cls in members(protocol.Command)
    lines = [f"  readonly {info.tag_field}: {quoted(str(info.tag))};\n"] if info.tag_field else []
    for field in info.fields:
        mark = "?" if may_be_absent(cls, field, sent_by_us=sent_by_us) else ""
        lines.append(f"  readonly {field.encode_name}{mark}: {type_of(field.type)};\n")
    return f"{commented(cls.__doc__ or '')}export interface {cls.__name__} {{\n{''.join(lines)}}}\n"


def alias(name: str, text: str) -> str:
    """A type alias, broken as prettier breaks it."""
    head = f"export type {name} ="
    if len(f"{head} {text};") <= PRINT_WIDTH:
        return f"{head} {text};\n"
    if len(f"  {text};") <= PRINT_WIDTH:
        return f"{head}\n  {text};\n"
    return head + "".join(f"\n  | {part}" for part in text.split(" | ")) + ";\n"


def constant(name: str, value: Any) -> str:
    text = f"'{value}'" if isinstance(value, str) else json.dumps(value)
    return f"export const {name} = {text};\n"


def string_set(name: str, doc: str, values: list[str]) -> str:
    body = ", ".join(quoted(value) for value in values)
    return f"/** {doc} */\nexport const {name}: ReadonlySet<Status> = new Set<Status>([{body}]);\n"


def generate() -> str:
    order = list(get_args(protocol.Status))
    ended = [status for status in order if status in states.ENDED]
    parts = [
        HEADER,
        constant("PROTOCOL_VERSION", protocol.PROTOCOL_VERSION)
        + constant("BATCH_SUBPROTOCOL", protocol.BATCH_SUBPROTOCOL)
        + constant("SETTLED_KEPT", snapshot.SETTLED_KEPT),
        alias("Json", "null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }"),
        "".join(alias(name, " | ".join(quoted(v) for v in values)) for name, values in LITERALS.items()),
        string_set("ENDED", "The statuses that are final.", ended),
        alias("MimeBundle", "Readonly<Record<string, Json>>"),
        *(interface(cls) for cls in structs()),
        *(alias(name, " | ".join(m.__name__ for m in members(union))) for name, union in UNIONS.items()),
        alias("ServerMessage", "JournalEvent | SocketMessage"),
    ]
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the file is fresh")
    wanted = generate()
    if not parser.parse_args().check:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    name = TARGET.relative_to(ROOT)
    print(f"{name} is stale. Run: python labextension/scripts/generate_protocol.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
