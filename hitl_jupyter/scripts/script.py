"""Scripted answers: which of them a question gets."""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hitl_jupyter.errors import AnswersOutdated, NoAnswer
from hitl_jupyter.protocol import Answers
from hitl_jupyter.questions import Question
from hitl_jupyter.scripts.asked import asked_by, changes
from hitl_jupyter.scripts.document import load
from hitl_jupyter.scripts.entry import Entry
from hitl_jupyter.scripts.secret_fields import filled

Name = str | re.Pattern[str]
Source = Mapping[Any, Any] | Iterable[Entry] | str | os.PathLike[str]
"""What answers come from: a mapping, recorded entries, or the path of a file of either."""

ANYTHING = "*"
"""In a name: any text."""

_WORDS = {"yes": True, "no": False}


class Found(Struct, frozen=True):
    """A scripted answer; ``answers`` says of a retry what becomes of the forms given before."""

    value: Any
    answers: Answers = "reuse"


class Script:
    """Answers by the names of questions. Safe to use from several threads.

    Parameters
    ----------
    source : mapping, iterable of Entry, str or path
        A mapping goes from a question's key, its message, or a pattern of either (``"label*"``, or a compiled regular
        expression) to a value for each time it is asked; a list or an iterator of values, one for each time; or a
        function of the :class:`~hitl_jupyter.questions.Question`. The key counts before the message, and that before
        the patterns in their order.
    environ : mapping
        Where the secrets are that no record holds.

    Examples
    --------
    >>> script = Script({"approve": True, "label*": ["a", "b"]})
    >>> label = Question(kind="user_input", message="Which?", key="label-1", request_id="r", fields=[{"name": "value"}])
    >>> script.find(label).value, script.find(label).value
    ('a', 'b')
    >>> script.unused()
    ["'approve' (never asked)"]
    """

    def __init__(self, source: Source, environ: Mapping[str, str] = os.environ) -> None:
        self.file: str | None = None
        held: Any = source
        if isinstance(source, str | os.PathLike):
            self.file = os.fspath(source)
            held = load(Path(source).expanduser())
        self._environ = environ
        self._lock = threading.Lock()
        self._asked: defaultdict[str, int] = defaultdict(int)
        self._rules = _rules_of_mapping(held) if isinstance(held, Mapping) else _rules_of_entries(held)

    def __repr__(self) -> str:
        names = (rule.name if isinstance(rule.name, str) else rule.name.pattern for rule in self._rules)
        return repr(self.file) if self.file is not None else f"<answers to {', '.join(map(repr, names)) or 'nothing'}>"

    def find(self, question: Question) -> Found | None:
        """The answer to a question, which is used by that; None where it is not spoken of, or left to others.

        Raises
        ------
        AnswersOutdated
            It was recorded for a question that asked for something else.
        NoAnswer
            The answers of that name are used up, it holds a secret that is not in the environment, or its function
            failed, which is the error's cause then.
        """
        with self._lock:
            self._asked[question.name] += 1
            question = replace(question, occurrence=self._asked[question.name])
            rule = self._rule_for(question)
            if rule is None:
                return None
            taken = rule.take(question)
        if taken is None:
            raise _no_answer(
                f"The scripted answers to {question!r} are used up: this is question {question.occurrence} of that "
                f"name. Add one to {rule.name!r}.",
                question,
            )
        value = self._value(taken, question)
        return None if value is _LEFT else _said(value, question)

    def skip(self, question: Question) -> None:
        """Somebody else answers it: count the answer that it would get as used."""
        with self._lock:
            self._asked[question.name] += 1
            if (rule := self._rule_for(question)) is not None:
                rule.take(question)

    def knows(self, question: Question) -> bool:
        """Whether a question of this name is spoken of, be it used up."""
        return self._rule_for(question) is not None

    def unused(self) -> list[str]:
        """The answers that no question got, a phrase each; none where all were of use."""
        with self._lock:
            return [phrase for rule in self._rules if (phrase := rule.unused()) is not None]

    def _rule_for(self, question: Question) -> _Rule | None:
        for name in (question.name, question.message):
            for rule in self._rules:
                if rule.name == name:
                    return rule
        return next((rule for rule in self._rules if rule.fits(question)), None)

    def _value(self, taken: _Taken, question: Question) -> Any:
        if isinstance(taken, Entry):
            self._check_current(taken, question)
            if not taken.not_recorded:
                return taken.value
            return filled(taken.value, taken.not_recorded, question, self._environ)
        if isinstance(taken, _Value):
            return taken.value
        try:
            return taken.call(question)
        except NoAnswer as error:
            if error.details:
                raise
            return _LEFT
        except Exception as error:  # whatever it is, the question must not wait for an answer that does not come
            raise _no_answer(
                f"The function that answers {question!r} failed with {type(error).__name__}: {error}. Correct it, or "
                "raise hitl.NoAnswer in it to leave the question to others.",
                question,
            ) from error

    def _check_current(self, entry: Entry, question: Question) -> None:
        now = asked_by(question)
        differences = [] if entry.asked is None else changes(entry.asked, now)
        if not differences:
            return
        where = f" in {self.file}, line {entry.line}," if self.file and entry.line else ""
        again = f"hitl.record({self.file!r})" if self.file else "hitl.record(path)"
        raise AnswersOutdated(
            f"The answer to {entry.name!r}{where} was recorded for another question: {'; '.join(differences)}. Record "
            f"it again with {again} in an attended run, or correct its 'asks' and 'value' by hand.",
            key=question.key,
            question=question.message,
            file=self.file,
            line=entry.line,
            changes=differences,
            asks=now,
        )


# -- rules -----------------------------------------------------------------------------------------------------------


class _Value(Struct, frozen=True):
    value: Any


class _Function(Struct, frozen=True):
    call: Callable[[Question], Any]


_Taken = _Value | _Function | Entry
_LEFT = object()


def _no_answer(sentence: str, question: Question) -> NoAnswer:
    return NoAnswer(sentence, key=question.key, question=question.message, schema=question.schema)


class _Rule:
    """The answers under one name."""

    def __init__(self, name: Name, given: Any) -> None:
        self.name = name
        self._pattern = _pattern_of(name)
        self._next: Iterator[Any] | None = None
        self._left: list[Any] | None = None
        self._given = given
        self._times = 0
        if isinstance(given, list):
            self._left = list(given)
        elif isinstance(given, Iterator):
            self._next = given

    def fits(self, question: Question) -> bool:
        """Whether it is a pattern of this question's name or message."""
        texts = (question.name, question.message)
        return self._pattern is not None and any(self._pattern.search(text) is not None for text in texts)

    def take(self, question: Question) -> _Taken | None:
        """The next answer; None once there is none left."""
        if self._left is not None:
            if not self._left:
                return None
            given = self._left.pop(_best(self._left, question))
        elif self._next is not None:
            given = next(self._next, _LEFT)
            if given is _LEFT:
                return None
        else:
            given = self._given
        self._times += 1
        if isinstance(given, Entry):
            return given
        return _Function(given) if callable(given) else _Value(given)

    def unused(self) -> str | None:
        """What of it was not used, if anything."""
        name = self.name if isinstance(self.name, str) else self.name.pattern
        if self._left:
            return f"{name!r} ({len(self._left)} of {len(self._left) + self._times} left over)"
        return None if self._times or self._left is not None else f"{name!r} (never asked)"


def _best(left: list[Any], question: Question) -> int:
    """Which is next: of recorded ones that of the same session and message, or of the same message, else the first.

    So that sessions that run side by side, and ask in another order than before, get their own answers.
    """
    recorded = [(index, entry) for index, entry in enumerate(left) if isinstance(entry, Entry)]
    same = [(index, entry) for index, entry in recorded if entry.message == question.message]
    exact = [index for index, entry in same if entry.session == question.session]
    return next(iter([*exact, *(index for index, _ in same)]), 0)


def _rules_of_mapping(answers: Mapping[Any, Any]) -> list[_Rule]:
    for name in answers:
        if not isinstance(name, str | re.Pattern):
            raise TypeError(f"Scripted answers go by keys, messages or patterns, which {name!r} is not.")
    return [_Rule(name, given) for name, given in answers.items()]


def _rules_of_entries(entries: Iterable[Entry]) -> list[_Rule]:
    by_name: defaultdict[str, list[Any]] = defaultdict(list)
    for entry in entries:
        if not isinstance(entry, Entry):
            raise TypeError(
                f"Scripted answers are a mapping, a path or what session.answers() gives, not {type(entry).__name__}s."
            )
        by_name[entry.name].append(entry)
    return [_Rule(name, found) for name, found in by_name.items()]


def _pattern_of(name: Name) -> re.Pattern[str] | None:
    if isinstance(name, re.Pattern):
        return name
    if ANYTHING not in name:
        return None
    return re.compile(r"\A" + ".*".join(map(re.escape, name.split(ANYTHING))) + r"\Z", re.DOTALL)


def _said(value: Any, question: Question) -> Found:
    """The answer, with what files may say besides: "yes" and "no", and of a retry "ask"."""
    if question.kind == "user_input" or not isinstance(value, str):
        return Found(value)
    if question.kind == "retry" and value in ("ask", "reuse"):
        return Found(True, answers="ask" if value == "ask" else "reuse")
    return Found(_WORDS.get(value.lower(), value))
