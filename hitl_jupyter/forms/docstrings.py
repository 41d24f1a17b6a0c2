"""What a docstring says of each parameter, written NumPy's or Google's way."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

_NUMPY_HEAD = re.compile(r"(\*{0,2}\w+(?:, *\*{0,2}\w+)*)(?: *:.*)?()$")
_GOOGLE_HEAD = re.compile(r"(\*{0,2}\w+) *(?:\(.*?\))?: *(.*)$")
_RULE = re.compile(r"-{3,}$")


def parameter_docs(doc: str) -> dict[str, str]:
    """The description of each parameter that has one.

    Examples
    --------
    >>> parameter_docs("Train.\\n\\nParameters\\n----------\\nrounds : int\\n    How often\\n    at most.")
    {'rounds': 'How often at most.'}
    >>> parameter_docs("Train.\\n\\nArgs:\\n    rounds (int): How often.\\n\\nReturns:\\n    model: It.")
    {'rounds': 'How often.'}
    """
    lines = inspect.cleandoc(doc).split("\n")
    found: dict[str, str] = {}
    for at, line in enumerate(lines):
        title, ruled = line.strip(), at + 1 < len(lines) and bool(_RULE.match(lines[at + 1].strip()))
        if title in ("Parameters", "Other Parameters") and ruled:
            found |= _entries(_numpy_section(lines[at + 2 :]), _NUMPY_HEAD)
        elif title in ("Args:", "Arguments:", "Parameters:"):
            found |= _entries(_google_section(lines[at + 1 :]), _GOOGLE_HEAD)
    return found


def _numpy_section(lines: list[str]) -> list[str]:
    """Up to the next section, whose title is the line above a rule."""
    end = next((at - 1 for at, line in enumerate(lines) if _RULE.match(line.strip())), len(lines))
    return lines[:end]


def _google_section(lines: list[str]) -> list[str]:
    """What is indented, with the first indentation taken off."""
    end = next((at for at, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    return inspect.cleandoc("\n".join(["", *lines[:end]])).split("\n")


def _entries(lines: list[str], head: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Names at the left margin, and what is indented below them."""
    names: list[str] = []
    said: list[str] = []
    for line in [*lines, ""]:
        if line.startswith(" ") or not line:
            said.append(line.strip())
            continue
        yield from _told(names, said)
        match = head.match(line)
        names = [name.strip(" *") for name in match[1].split(",")] if match else []
        said = [match[2]] if match else []
    yield from _told(names, said)


def _told(names: list[str], said: list[str]) -> Iterator[tuple[str, str]]:
    text = " ".join(filter(None, said)).replace("``", "")
    return ((name, text) for name in names if text)
