"""The file of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hitl_jupyter.errors import Malformed, NotFound
from hitl_jupyter.scripts.document import from_text, load, numbered_in_order, save, to_text
from hitl_jupyter.scripts.entry import Entry

# -- round trips -----------------------------------------------------------------------------------------------------

EXAMPLES = 100

# YAML takes a key of up to 1024 signs, and JSON may write twelve for one.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.sampled_from(
    [
        "no",
        "yes",
        "~",
        "null",
        "1e3",
        "01234",
        "+1",
        "12:30",
        "2024-01-01",
        "0x1f",
        "-",
        "a: b",
        "#c",
        " x",
        "y\n",
        "=",
        "<<",
    ]
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ASKED = st.none() | TEXT | st.dictionaries(TEXT, TEXT, min_size=1, max_size=3)
ENTRIES = st.builds(
    Entry,
    key=TEXT.filter(bool),
    message=st.none() | TEXT,
    session=st.just("Send e-mail") | TEXT,
    asked=ASKED,
    value=JSON,
    not_recorded=st.lists(TEXT, max_size=2).map(tuple),
)


def kept(entries: list[Entry]) -> list[Entry]:
    """What a file keeps of entries: no title where there is only one, no empty value beside secrets."""
    several = len({entry.session for entry in entries}) > 1
    return [
        replace(
            entry,
            session=entry.session if several else None,
            value=None if entry.not_recorded and not entry.value else entry.value,
        )
        for entry in numbered_in_order(entries)
    ]


@settings(deadline=None, max_examples=EXAMPLES)
@given(entries=st.lists(ENTRIES, max_size=4))
def test_what_is_written_is_read_again(entries: list[Entry]) -> None:
    read = from_text(to_text(entries), "answers.yaml")
    assert isinstance(read, list)
    assert [replace(entry, line=0) for entry in read] == kept(entries)


@settings(deadline=None, max_examples=EXAMPLES)
@given(entries=st.lists(ENTRIES, max_size=4))
def test_what_is_read_is_written_to_the_same_bytes(entries: list[Entry]) -> None:
    text = to_text(entries)
    read = from_text(text, "answers.yaml")
    assert isinstance(read, list)
    assert to_text(read) == text


@settings(deadline=None, max_examples=EXAMPLES)
@given(value=st.dictionaries(TEXT, JSON, min_size=1))
def test_json_is_read_as_it_is(value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    if any(sign in text for sign in "\x7f\ufeff") or any(_is_control(sign) for sign in text):
        text = json.dumps(value)
    if "hitl_jupyter" not in value:
        assert from_text(text, "answers.json") == value


def _is_control(sign: str) -> bool:
    return yaml.reader.Reader.NON_PRINTABLE.search(sign) is not None or sign in "\x85\u2028\u2029"


def test_a_record_is_readable() -> None:
    entries = [
        Entry(
            key="compose",
            message="Compose the e-mail",
            session="Send e-mail",
            asked={"subject": "string", "body": "string", "cc": "optional email"},
            value={"subject": "Hi", "body": "Dear Ada,\n\nyours\n", "when": "2030-01-02"},
        ),
        Entry(key="log-in", message="Log in", session="Send e-mail", value=None, not_recorded=("password",)),
        Entry(key="label", session="Label", asked="no | yes", value="no"),
        Entry(key="label", session="Label", value=["a", "b"]),
    ]
    assert (
        to_text(entries)
        == """\
hitl_jupyter: answers/1
answers:
  - key: compose
    session: Send e-mail
    message: Compose the e-mail
    asks: {subject: string, body: string, cc: optional email}
    value:
      subject: Hi
      body: |
        Dear Ada,

        yours
      when: '2030-01-02'
  - key: log-in
    session: Send e-mail
    message: Log in
    not_recorded:
      - password
  - key: label
    session: Label
    asks: no | yes
    value: 'no'
  - key: label
    session: Label
    occurrence: 2
    value:
      - a
      - b
"""
    )


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_text_that_other_readers_take_for_something_else_stays_text() -> None:
    text = "a: no\nb: 12:30\nc: 01234\nd: 2030-01-02\ne: +49\nf: 1_000\ng: 0x1f"
    assert from_text(text, "f") == {
        "a": "no", "b": "12:30", "c": "01234", "d": "2030-01-02", "e": "+49", "f": "1_000", "g": "0x1f",
    }  # fmt: skip


def test_numbers_booleans_and_null_are_those_of_json() -> None:
    text = "a: 1\nb: -1.5\nc: 1e3\nd: true\ne: False\nf: null\ng: ~\nh:"
    assert from_text(text, "f") == {
        "a": 1, "b": -1.5, "c": 1000.0, "d": True, "e": False, "f": None, "g": None, "h": None,
    }  # fmt: skip


def test_an_entry_needs_only_a_name_and_a_value() -> None:
    text = 'hitl_jupyter: answers/1\nanswers:\n- {key: a, value: 1}\n- {message: "Sure?", value: true}\n'
    assert from_text(text, "f") == [
        Entry(key="a", value=1, occurrence=1, line=3),
        Entry(message="Sure?", value=True, occurrence=1, line=4),
    ]


def test_occurrences_are_in_the_order_of_their_numbers() -> None:
    text = (
        "hitl_jupyter: answers/1\nanswers:\n- {key: a, occurrence: 2, value: x}\n- {key: a, occurrence: 1, value: y}\n"
    )
    read = from_text(text, "f")
    assert [entry.value for entry in read if isinstance(entry, Entry)] == ["y", "x"]


HEAD = "hitl_jupyter: answers/1\nanswers:\n"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "no answers in it"),
        ("- a", 1, "a mapping"),
        ("a: [1\nb: 2", 2, "not YAML"),
        ("a: 1\na: 2", 2, "'a' stands here twice"),
        ("a: 1\n3: 2", 2, "3 is no name"),
        ("a: !!python/name:os.system x", 1, "could not determine a constructor"),
        ("a: &x 1\nb: *x", 2, "anchors and aliases"),
        ("a: " + "9" * 5000, 1, "cannot be read"),
        ("a: " + "[" * 5000, 1, "nested too deeply"),
        ("hitl_jupyter: answers/2\nanswers: []", 1, "version 'answers/2' is not known"),
        ("hitl_jupyter: answers/1\nansers: []", 2, "'ansers' is not known"),
        ("hitl_jupyter: answers/1\nanswers: {}", 2, "a list of entries"),
        ("hitl_jupyter: answers/1", 1, "a list of entries"),
        (HEAD + "- just text", 3, "a mapping with at least key and value"),
        (HEAD + "- key: a\n  valu: 1", 4, "'valu' is not known"),
        (HEAD + "- value: 1", 3, "names its question"),
        (HEAD + "- key: a", 3, "has a 'value'"),
        (HEAD + "- key: 3\n  value: 1", 3, "'key' is a text"),
        (HEAD + "- key: a\n  value: 1\n  occurrence: 0", 5, "'occurrence' is a whole number"),
        (HEAD + "- key: a\n  value: 1\n  asks: [b]", 5, "'asks' is"),
        (HEAD + "- key: a\n  value: 1\n  asks: {b: 1}", 5, "'asks' is"),
        (HEAD + "- key: a\n  not_recorded: password", 4, "'not_recorded' is a list"),
        (HEAD + "- key: a\n  value: 1\n- key: a\n  value: 2\n  occurrence: 1", 5, "stands here twice"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line_and_what_is_wrong(text: str, line: int, what: str) -> None:
    with pytest.raises(Malformed, match=what) as caught:
        from_text(text, "answers.yaml")
    assert caught.value.details == {"file": "answers.yaml", "line": line}
    assert str(caught.value).startswith(f"answers.yaml, line {line}: ")


@settings(deadline=None, max_examples=EXAMPLES)
@given(text=st.text("abk:-{}[]\n '\"#&*!|>%@`,?1~hitl_jupyter", max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        read = from_text(text, "f")
    except Malformed:
        return
    assert isinstance(read, dict | list)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(Malformed, match="line 2: This is no UTF-8"):
        load(file)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cannot be read"):
        load(tmp_path)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text("a: 1", encoding="utf-8-sig")
    assert load(file) == {"a": 1}


def test_a_file_is_replaced_whole_and_left_alone_where_nothing_changed(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    save(file, [Entry(key="a", value=1)])
    before = file.stat().st_ino
    save(file, [Entry(key="a", value=1)])
    assert file.stat().st_ino == before
    save(file, [Entry(key="a", value=2)])
    assert file.stat().st_ino != before
    assert list(tmp_path.iterdir()) == [file]
