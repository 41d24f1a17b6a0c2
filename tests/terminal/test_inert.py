"""No text of a task reaches a terminal as a command to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.terminal.inert import inert, inert_json, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r\x1b\\after", "after"),
        ("\x1bcafter", "after"),
        ("\x1b", "\\x1b"),
        ("a\rb", "a\\x0db"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("größer 日本 👩‍🔬 עברית", "größer 日本 👩‍🔬 עברית"),
    ],
)
def test_sequences_go_and_other_controls_are_spelt(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(st.text(st.characters(codec=None)))
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    left = inert(text)
    assert not [c for c in left if (ord(c) < 0x20 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0]
    left.encode()  # nothing in it that no encoding has
    assert "\n" not in one_line(text)


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_reads_the_same(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert json.loads(inert_json(text)) == value
    assert "\x9b" not in inert_json(text)
