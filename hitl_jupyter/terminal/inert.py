"""Text of tasks and people as a terminal may show it: it moves no cursor, sets no colour, and hides nothing."""

from __future__ import annotations

import re

# A whole sequence goes (colours, titles, links), not only the byte that begins it: what is left would be litter.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def inert(text: str) -> str:
    """A text without the sequences that terminals obey; other controls, and marks that turn text round, are spelt out.

    Examples
    --------
    >>> inert("\\x1b[31mred\\x1b[0m\\tand\\x07\\u202e")
    'red\\tand\\\\x07\\\\u202e'
    """
    return _CONTROL.sub(_spelt, _SEQUENCE.sub("", text.replace("\r\n", "\n")))


def inert_json(text: str) -> str:
    """JSON with the controls escaped that JSON itself would let through; it reads the same.

    Examples
    --------
    >>> inert_json('"\\x9b31m"')
    '"\\\\u009b31m"'
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str, most: int = 200) -> str:
    """A text as the cell of a table.

    Examples
    --------
    >>> one_line("two\\nlines"), one_line("much too long", 8)
    ('two lines', 'much to…')
    """
    line = " ".join(inert(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _spelt(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
