"""Which scripted answers are in force: the innermost block's, those of a file in the environment, and a parameter's."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from hitl_jupyter.errors import AnswersUnused
from hitl_jupyter.notebook.kernel import running_shell
from hitl_jupyter.questions import Question
from hitl_jupyter.scripts.script import Found, Script, Source

VARIABLE = "HITL_JUPYTER_ANSWERS"
"""The environment variable that names a file of answers."""

PARAMETER = "hitl_answers"
"""The notebook's variable, or papermill's parameter, that holds answers or the path of a file."""

REMEMBERED = 10
"""Blocks that were left, of which a question without an answer is told that one of them spoke of it."""


class _State:
    """What is in force. Threads and cells of one process share it, for sessions are answered from threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks: list[Script] = []
        self.left: deque[tuple[float, Script]] = deque(maxlen=REMEMBERED)
        self.named: dict[str, tuple[Any, Script]] = {}
        self.on_change: list[Callable[[], None]] = []


_state = _State()


class answers:  # it is called like a function
    """Give scripted answers to the questions of this notebook's tasks, in a ``with`` block.

    Each answer is checked like a person's. A question that no answer fits is left to the person; where nobody is there
    (an unattended run), whoever waits for the session gets :class:`NoAnswer` at once. Blocks may be nested: the inner
    one is looked at first, then the outer ones, then the file that the environment variable HITL_JUPYTER_ANSWERS names,
    then the notebook's variable ``hitl_answers``, which may be a parameter of papermill's.

    Parameters
    ----------
    source : mapping, str, path or recorded answers
        A mapping goes from a question's key, its message, or a pattern of either (``"label*"``, or a compiled regular
        expression), to a value for each time it is asked; to a list of values, one for each time; or to a function of
        the question, which may raise :class:`NoAnswer` to leave it to others. An answer that is a list itself stands in
        the list of answers, or is a tuple. An offer to try again has the key ``"retry"``. A path is that of a YAML
        file, as :func:`record` writes it or with such a mapping.
    strict : bool
        At the end of the block, raise for answers that no question got, instead of a warning.

    Raises
    ------
    AnswersUnused
        At the end of a strict block, some answers were of no use.
    Malformed, NotFound
        The file is not as it should be, or not there.

    Examples
    --------
    Around the sessions that it answers, to their end::

        with hitl.answers({"compose": {"subject": "Hi"}, "approve": True, "label": ["a", "b", "a"]}):
            hitl.start(send_email).result()

    >>> answers({"approve": True, "label": ["a", "b", "a"]})
    hitl.answers(<answers to 'approve', 'label'>)
    """

    def __init__(self, source: Source, *, strict: bool = False) -> None:
        self._script = Script(source)
        self._strict = strict

    def __enter__(self) -> Self:
        with _state.lock:
            _state.blocks.append(self._script)
        _changed()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with _state.lock:
            _state.blocks.remove(self._script)
            _state.left.append((time.monotonic(), self._script))
        unused = self.unused()
        if kind is not None or not unused:
            return
        sentence = (
            f"No question got these scripted answers: {', '.join(unused)}. Take them out, or correct their keys; "
            "sessions that still run are waited for inside of the block."
        )
        if self._strict:
            raise AnswersUnused(sentence, unused=unused)
        warnings.warn(sentence, stacklevel=2)

    def __repr__(self) -> str:
        return f"hitl.answers({self._script!r})"

    def unused(self) -> list[str]:
        """The answers that no question got so far, a phrase each."""
        return self._script.unused()


def scripts() -> list[Script]:
    """All that are in force, innermost first.

    Raises
    ------
    Malformed, NotFound
        A file that is named is not as it should be, or not there.
    TypeError
        The notebook's variable holds no answers.
    """
    named: list[tuple[str, Any]] = [(VARIABLE, os.environ.get(VARIABLE))]
    namespace = getattr(running_shell(), "user_ns", None) or {}
    named.append((PARAMETER, namespace.get(PARAMETER)))
    with _state.lock:
        return [*reversed(_state.blocks), *(_named(name, source) for name, source in named if source)]


def find(question: Question, own: Script | None = None) -> tuple[Found, Script] | None:
    """The first answer to a question, and the script that gives it; None where none speaks of it.

    ``own`` are answers for its session alone, which come first.
    """
    layers = scripts() if own is None else [own, *scripts()]
    for number, script in enumerate(layers):
        if (found := script.find(question)) is not None:
            for outer in layers[number + 1 :]:
                outer.skip(question)
            return found, script
    return None


def files() -> set[Path]:
    """The files that answers are taken from."""
    return {Path(script.file).expanduser().resolve() for script in scripts() if script.file is not None}


def left_since(moment: float, question: Question) -> bool:
    """Whether a block that was left after this moment, of the monotonic clock, spoke of this question."""
    with _state.lock:
        return any(script.knows(question) for left_at, script in _state.left if left_at > moment)


def on_change(act: Callable[[], None]) -> None:
    """Have ``act`` called whenever a block begins."""
    _state.on_change.append(act)


def _changed() -> None:
    for act in _state.on_change:
        act()


def _named(name: str, source: Any) -> Script:
    """The script of a source that stays: made once, so that its lists go on where they were."""
    mark = _mark_of(source)
    made = _state.named.get(name)
    if made is None or made[0] != mark:
        made = _state.named[name] = (mark, Script(source))
    return made[1]


def _mark_of(source: Any) -> Any:
    """What tells whether it is the same still: of a file its time and size."""
    if not isinstance(source, str | os.PathLike):
        return _Same(source)
    path = Path(source).expanduser().resolve()
    try:
        found = path.stat()
    except OSError:
        return (path, None)
    return (path, found.st_mtime_ns, found.st_size)


class _Same:
    """Equal only for the very same object, whatever it says of itself."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._held is self._held

    def __hash__(self) -> int:
        return id(self._held)
