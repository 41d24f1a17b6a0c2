"""Text cut for the wire, and tracebacks for people."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.author.text import MAX_LINE, pieces, sendable
from hitl_jupyter.author.tracebacks import MAX_CHARACTERS, error_text, error_type, format_error


@given(st.text(max_size=50), st.integers(1, 3000))
def test_pieces_are_short_and_make_up_the_whole(text: str, times: int) -> None:
    whole = text * times
    cut = list(pieces(whole))
    assert "".join(cut) == whole
    assert all(len(piece.encode()) <= MAX_LINE for piece in cut)


def test_lone_surrogates_are_replaced() -> None:
    assert sendable("a\udc80b") == "a?b"


def test_a_long_traceback_keeps_its_ends() -> None:
    text = format_error(ValueError("x" * 200_000 + " the end"))
    assert len(text) < MAX_CHARACTERS + 100
    assert text.endswith("the end\n")
    assert "characters left out" in text


def test_errors_are_named_as_people_know_them() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert error_type(ValueError()) == "ValueError"
    assert error_type(__import__("json").JSONDecodeError("m", "d", 0)) == "json.decoder.JSONDecodeError"
    assert error_text(KeyError()) == "KeyError"
    assert error_text(Broken()) == "Broken"
