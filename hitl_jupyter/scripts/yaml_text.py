"""YAML as people expect it to be read: numbers are JSON's, ``true`` and ``false`` are booleans, and all else is text.

PyYAML follows YAML 1.1, where ``no`` is false, ``12:30`` is 750, ``01234`` is octal and ``2024-01-01`` is no text; and
where JSON's ``1e3`` is no number. Written text is quoted wherever any reader could take it for something else.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from hitl_jupyter.errors import Malformed

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_BOOLEAN = re.compile("true|True|TRUE|false|False|FALSE")
_NULL = re.compile("~|null|Null|NULL|")

_ODD = re.compile("[\r\x85\u2028\u2029]|^\n+$")
"""What a reader of YAML would take for the end of a line."""

_TAG = "tag:yaml.org,2002:"


class Inline(dict[str, Any]):
    """A mapping that is written on one line."""


class Loader(yaml.SafeLoader):  # type: ignore[misc]  # the library has no types
    """Reads plain data, and knows the line of each piece."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(
                None, None, "anchors and aliases are not used here; write the value out", self.peek_event().start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} is no name; quote it", key.start_mark)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands here twice", key.start_mark)
            seen.add(name)
        read: dict[Any, Any] = super().construct_mapping(node, deep)
        return read


Loader.yaml_implicit_resolvers = {}
Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(rf"(?:{_BOOLEAN.pattern})$"), list("tTfF"))
Loader.add_implicit_resolver(f"{_TAG}null", re.compile(rf"(?:{_NULL.pattern})$"), ["~", "n", "N", ""])
Loader.add_implicit_resolver(f"{_TAG}float", re.compile(rf"(?:{_NUMBER.pattern})$"), list("-0123456789"))


def _number(loader: Any, node: Any) -> int | float:
    text = loader.construct_scalar(node)
    return float(text) if re.search("[.eE]", text) else int(text)


def _text(loader: Any, node: Any) -> str:
    """A text; JSON writes what does not fit into four digits as two numbers, which are one sign."""
    text: str = loader.construct_scalar(node)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Loader.add_constructor(f"{_TAG}float", _number)
Loader.add_constructor(f"{_TAG}str", _text)


class Dumper(yaml.SafeDumper):  # type: ignore[misc]  # the library has no types
    """Writes blocks, long lines as they are, and text of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _represent_text(dumper: Any, text: str) -> Any:
    style = '"' if _ODD.search(text) else "|" if "\n" in text and text.strip() else None
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


def _represent_inline(dumper: Any, data: Inline) -> Any:
    return dumper.represent_mapping(f"{_TAG}map", data, flow_style=True)


Dumper.add_representer(str, _represent_text)
Dumper.add_representer(Inline, _represent_inline)
Dumper.add_implicit_resolver(f"{_TAG}float", re.compile(rf"(?:{_NUMBER.pattern})$"), list("-0123456789"))


def write(data: Any) -> str:
    """Plain data as text.

    Examples
    --------
    >>> print(write({"at": "12:30", "ok": "no", "body": "one\\ntwo", "asks": Inline(to="email")}), end="")
    at: '12:30'
    ok: 'no'
    body: |-
      one
      two
    asks: {to: email}
    """
    text: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text


def parse(text: str, file: str) -> tuple[Loader, Any]:
    """The tree of a text, and the loader that makes data of its pieces; None for an empty text.

    Raises
    ------
    Malformed
        It is no YAML; carries ``file`` and ``line``.
    """
    try:
        loader = Loader(text)
        return loader, loader.get_single_node()
    except yaml.YAMLError as error:
        raise not_yaml(error, file) from None
    except RecursionError:
        raise malformed("It is nested too deeply", file, 1) from None


def data_of(loader: Loader, node: Any, file: str) -> Any:
    """The data of one piece; raises :class:`Malformed` like :func:`parse`."""
    try:
        return loader.construct_object(node, deep=True)
    except yaml.YAMLError as error:
        raise not_yaml(error, file) from None
    except (ValueError, RecursionError) as error:
        raise malformed(f"This cannot be read: {error}", file, line_of(node)) from None


def line_of(node: Any) -> int:
    """The line a piece begins on, from 1."""
    line: int = node.start_mark.line
    return line + 1


def not_yaml(error: yaml.YAMLError, file: str) -> Malformed:
    """What a broken text is refused with."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return malformed(f"This is not YAML: {problem}", file, mark.line + 1 if mark else 1)


def malformed(what: str, file: str, line: int) -> Malformed:
    """A refusal that says where the fault is."""
    return Malformed(
        f"{file}, line {line}: {what}. Correct it there, or record the answers again with hitl.record({file!r}).",
        file=file,
        line=line,
    )
