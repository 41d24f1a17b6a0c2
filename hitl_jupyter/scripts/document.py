"""The file of answers: recorded, or written by hand; the same answers give the same bytes.

A record has a version and a list of entries in the order in which the questions were asked. By hand a mapping of key to
value does, as it is given to ``hitl.answers``.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from msgspec.structs import replace

from hitl_jupyter.errors import NotFound
from hitl_jupyter.scripts.asked import Asked
from hitl_jupyter.scripts.entry import Entry
from hitl_jupyter.scripts.yaml_text import Inline, Loader, data_of, line_of, malformed, parse, write

FORMAT = "hitl_jupyter"
"""The mark of a record; a file without it is a plain mapping."""

VERSION = "answers/1"
LARGEST_MIB = 16

_FIELDS = ("key", "session", "message", "occurrence", "asks", "value", "not_recorded")

Answers = dict[str, Any] | list[Entry]
"""What a file holds: a mapping from names to values, or a record."""


def to_text(entries: Iterable[Entry]) -> str:
    """A record as text.

    Examples
    --------
    >>> print(to_text([Entry(key="approve", message="Send it?", asked="yes or no", value=True)]), end="")
    hitl_jupyter: answers/1
    answers:
      - key: approve
        message: Send it?
        asks: yes or no
        value: true
    """
    numbered = list(numbered_in_order(entries))
    several = len({entry.session for entry in numbered}) > 1
    return write({FORMAT: VERSION, "answers": [_entry_to_data(entry, several) for entry in numbered]})


def from_text(text: str, file: str) -> Answers:
    """What a text holds; ``file`` is what errors call it.

    Raises
    ------
    Malformed
        It is not YAML, of another version, or not of this shape; carries ``file`` and ``line``.

    Examples
    --------
    >>> from_text("approve: true\\nlabel: [a, b, a]", "answers.yaml")
    {'approve': True, 'label': ['a', 'b', 'a']}
    """
    loader, root = parse(text, file)
    if root is None:
        raise malformed("There are no answers in it", file, 1)
    if not isinstance(root, yaml.MappingNode):
        raise malformed("Answers are a mapping of a question's key to a value", file, line_of(root))
    pieces = _pieces(loader, root, file)
    if FORMAT not in pieces:
        mapping: dict[str, Any] = data_of(loader, root, file)
        return mapping
    version = data_of(loader, pieces[FORMAT], file)
    if version != VERSION:
        raise malformed(
            f"The version {version!r} is not known here, only {VERSION!r}; a newer hitl-jupyter may read it",
            file,
            line_of(pieces[FORMAT]),
        )
    _refuse_unknown(pieces, (FORMAT, "answers"), file)
    listed = pieces.get("answers")
    if not isinstance(listed, yaml.SequenceNode):
        raise malformed("A record has a list of entries under 'answers'", file, line_of(listed or root))
    entries = [_entry_of(loader, node, file) for node in listed.value]
    return _in_occurrence_order(entries, file)


def load(path: Path) -> Answers:
    """What a file holds.

    Raises
    ------
    NotFound
        There is no such file.
    Malformed
        As :func:`from_text`; also for a file that is no text, or too large.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"The answers in {str(path)!r} cannot be read: {error.strerror}. Correct the path, or record them with "
            f"hitl.record({str(path)!r}).",
            file=str(path),
        ) from None
    if len(data) > LARGEST_MIB * 1024 * 1024:
        raise malformed(f"It has more than {LARGEST_MIB} MiB", str(path), 1)
    try:
        return from_text(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise malformed("This is no UTF-8 text", str(path), data[: error.start].count(b"\n") + 1) from None


def save(path: Path, entries: Iterable[Entry]) -> None:
    """Write a record, whole or not at all; one that says the same already is left as it is."""
    data = to_text(entries).encode()
    if path.is_file() and path.read_bytes() == data:
        return
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def numbered_in_order(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries as they are, each with its number among those of its name."""
    counts: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        counts[entry.name] += 1
        yield replace(entry, occurrence=counts[entry.name])


# -- entries ---------------------------------------------------------------------------------------------------------


def _entry_to_data(entry: Entry, several_sessions: bool) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if entry.key is not None:
        data["key"] = entry.key
    if entry.session is not None and several_sessions:
        data["session"] = entry.session
    if entry.message is not None:
        data["message"] = entry.message
    if entry.occurrence > 1:
        data["occurrence"] = entry.occurrence
    if entry.asked is not None:
        data["asks"] = Inline(entry.asked) if isinstance(entry.asked, dict) else entry.asked
    if not entry.not_recorded or entry.value:
        data["value"] = entry.value
    if entry.not_recorded:
        data["not_recorded"] = list(entry.not_recorded)
    return data


def _entry_of(loader: Loader, node: Any, file: str) -> Entry:
    if not isinstance(node, yaml.MappingNode):
        raise malformed("An entry is a mapping with at least key and value", file, line_of(node))
    pieces = _pieces(loader, node, file)
    _refuse_unknown(pieces, _FIELDS, file)
    data = {name: data_of(loader, piece, file) for name, piece in pieces.items()}
    for name, what in _WHAT_FIELDS_ARE.items():
        if name in data and not _FITS[name](data[name]):
            raise malformed(f"'{name}' is {what}", file, line_of(pieces[name]))
    if not (data.get("key") or data.get("message")):
        raise malformed("An entry names its question by 'key', or by 'message'", file, line_of(node))
    if "value" not in data and not data.get("not_recorded"):
        raise malformed("An entry has a 'value'", file, line_of(node))
    asked: Asked | None = data.get("asks")
    return Entry(
        key=data.get("key"),
        message=data.get("message"),
        session=data.get("session"),
        asked=asked,
        value=data.get("value"),
        not_recorded=tuple(data.get("not_recorded", ())),
        occurrence=data.get("occurrence", 0),
        line=line_of(node),
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_WHAT_FIELDS_ARE = {
    "key": "a text",
    "session": "a text",
    "message": "a text",
    "occurrence": "a whole number from 1 on",
    "asks": "a text, or a mapping of a field to its type",
    "not_recorded": "a list of fields",
}
_FITS: dict[str, Callable[[Any], bool]] = {
    "key": _is_text,
    "session": _is_text,
    "message": _is_text,
    "occurrence": lambda value: type(value) is int and value > 0,
    "asks": lambda value: _is_text(value) or (isinstance(value, dict) and all(map(_is_text, value.values()))),
    "not_recorded": lambda value: isinstance(value, list) and all(map(_is_text, value)),
}


def _in_occurrence_order(entries: list[Entry], file: str) -> list[Entry]:
    """The entries in their order, but those of one name by the numbers they carry; one without follows its forerunner.

    Raises :class:`Malformed` where two of a name have one number.
    """
    last: defaultdict[str, int] = defaultdict(int)
    taken: dict[tuple[str, int], Entry] = {}
    for entry in entries:
        number = entry.occurrence or last[entry.name] + 1
        if (entry.name, number) in taken:
            raise malformed(f"Occurrence {number} of {entry.name!r} stands here twice", file, entry.line)
        last[entry.name] = number
        taken[(entry.name, number)] = replace(entry, occurrence=number)
    by_name: defaultdict[str, list[Entry]] = defaultdict(list)
    for (name, _), entry in sorted(taken.items(), key=lambda item: item[0][1], reverse=True):
        by_name[name].append(entry)
    return [by_name[entry.name].pop() for entry in entries]


def _pieces(loader: Loader, node: Any, file: str) -> dict[str, Any]:
    """The nodes of a mapping by their names, which are checked."""
    data_of(loader, yaml.MappingNode(node.tag, [(key, _nothing(key)) for key, _ in node.value], node.start_mark), file)
    return {data_of(loader, key, file): value for key, value in node.value}


def _nothing(key: Any) -> Any:
    return yaml.ScalarNode("tag:yaml.org,2002:null", "", key.start_mark, key.end_mark)


def _refuse_unknown(pieces: dict[str, Any], known: tuple[str, ...], file: str) -> None:
    for name, node in pieces.items():
        if name not in known:
            raise malformed(f"{name!r} is not known here; there are {', '.join(known)}", file, line_of(node))
