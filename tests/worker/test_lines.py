"""Output as a terminal would show it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.protocol import Stream
from hitl_jupyter.worker.lines import Lines
from tests.support.waiting import eventually


def lines_into(kept: list[str], shown: list[str] | None = None) -> Lines:
    """Lines whose events' text goes into these lists."""
    show = [] if shown is None else shown

    def keep(event: Stream) -> None:
        kept.append(event.content)

    return Lines("stdout", keep, lambda event: show.append(event.content))


@given(st.text(alphabet="ab \n", max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_plain_text_gives_its_lines_however_it_is_cut(text: str, cuts: list[int]) -> None:
    kept: list[str] = []
    lines = lines_into(kept)
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    for start, end in pairwise(edges):
        lines.feed(text[start:end])
    lines.drain()
    assert kept == text.removesuffix("\n").split("\n") if text else kept == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["\r 10%", "\r 50%", "\r100%", "\n"], ["100%"]),
        (["10%\r20%\r30%\r\n", "next\n"], ["30%", "next"]),
        (["windows\r\n", "lines\r\n"], ["windows", "lines"]),
        (["\rbar", "\r   \r"], []),
        (
            ["\router 0", "\n", "\rinner 1", "\x1b[A", "\n", "\rinner 2", "\x1b[A", "\router 1", "\n"],
            ["outer 1", "inner 2"],
        ),
        (["\rbar\x1b[K", "\rb2\x1b[K\n"], ["b2"]),
        (["\x1b[31mred\x1b[0m\n"], ["\x1b[31mred\x1b[0m"]),
        (["one\n", "\n", "three"], ["one", "", "three"]),
        (["x" * 70_000, "y\n"], ["x" * 65536, "x" * 4464 + "y"]),
        (["\x1b[1m" + "x" * 70_000, "y\n"], ["\x1b[1m" + "x" * 65532, "x" * 4468 + "y"]),
    ],
)
def test_redrawn_lines_are_kept_once(written: list[str], expected: list[str]) -> None:
    kept: list[str] = []
    lines = lines_into(kept)
    for text in written:
        lines.feed(text)
    lines.drain()
    assert [line.strip(" ") if "%" in line else line for line in kept] == expected


def test_an_unfinished_line_is_seen_when_it_is_flushed_and_kept_when_it_ends() -> None:
    kept: list[str] = []
    shown: list[str] = []
    lines = lines_into(kept, shown)
    lines.feed("working")
    assert shown == []
    lines.show_partial()
    lines.feed("... done\n")
    assert (kept, shown) == (["working... done"], ["working"])


def test_a_redrawn_line_that_has_ended_is_kept_a_moment_later_by_itself() -> None:
    kept: list[str] = []
    lines = lines_into(kept)
    lines.feed("\r100%\n")
    assert kept == []
    eventually(lambda: kept == ["100%"], "the finished bar")
