"""Questions and answers as a table of data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hitl_jupyter.author.heavy import heavy
from hitl_jupyter.errors import HitlError
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.hosts import current_host
from hitl_jupyter.notebook.recorder import all_events
from hitl_jupyter.notebook.session import Session
from hitl_jupyter.questions import question_of
from hitl_jupyter.snapshot import Settled, Snapshot, fold

if TYPE_CHECKING:
    import pandas as pd

OPEN = "open"
"""The outcome of a question that nobody has answered yet."""

COLUMNS = (
    "session", "task", "attempt", "key", "kind", "question", "answer", "outcome", "by", "via", "asked", "answered",
    "seconds",
)  # fmt: skip
TIMES = ("asked", "answered")


def history(session: Session | str | Iterable[Session | str] | None = None) -> pd.DataFrame:
    """Every question and what became of it, as data.

    Parameters
    ----------
    session : Session, str or iterable of them, optional
        Whose questions, by handle or id; without it, those of all your sessions.

    Returns
    -------
    pandas.DataFrame
        A row a question, in the order in which they were asked: ``session`` (its title), ``task``, ``attempt``,
        ``key`` (of an offer to try again ``"retry"``), ``kind``, ``question``, ``answer`` (a boolean, or the form's
        value or values, secrets masked), ``outcome`` (``answered``, ``defaulted``, ``expired``, ``cancelled``,
        ``superseded`` or ``open``), ``by``, ``via``, ``asked`` and ``answered`` (UTC), and the ``seconds`` between.

    Raises
    ------
    HitlError
        pandas is not installed here.

    Examples
    --------
    How long people take to answer, by question::

        hitl.history().groupby("key")["seconds"].median()
    """
    pandas = _pandas()
    rows = sorted(_rows(session), key=lambda row: row["asked"])
    table: pd.DataFrame = pandas.DataFrame({name: [row[name] for row in rows] for name in COLUMNS}, dtype=object)
    for name in TIMES:
        table[name] = pandas.to_datetime(table[name].astype("float64"), unit="s", utc=True).astype(
            "datetime64[us, UTC]"
        )
    return table.astype({"attempt": "int64", "seconds": "float64"})


def _pandas() -> Any:
    try:
        return heavy("pandas")
    except ImportError as error:
        raise HitlError(
            f"hitl.history gives a table of pandas, which is not installed here ({error}). Run `pip install pandas`."
        ) from None


def _rows(session: Session | str | Iterable[Session | str] | None) -> Iterator[dict[str, Any]]:
    host = current_host()
    if session is None:
        chosen = ((host, summary.session_id) for summary in host.sessions())
    else:
        chosen = (_place_of(each, host) for each in ([session] if isinstance(session, Session | str) else session))
    for place, session_id in chosen:
        yield from _rows_of(place, session_id)


def _place_of(session: Session | str, host: Host) -> tuple[Host, str]:
    return (host, session) if isinstance(session, str) else (session._host, session.id)


def _rows_of(host: Host, session_id: str) -> Iterator[dict[str, Any]]:
    snapshot = host.snapshot(session_id)
    settled = list(snapshot.settled) if snapshot.settled_count == len(snapshot.settled) else _all(host, session_id)
    facts = snapshot.session
    common = {"session": facts.title if facts else "", "task": facts.task if facts else ""}
    for each in settled:
        yield {**common, **_settled_row(each)}
    yield from ({**common, **row} for row in _open_rows(snapshot))


def _all(host: Host, session_id: str) -> list[Settled]:
    """A snapshot keeps the last settled requests only: all of them, from the history."""
    snapshot, found = Snapshot(), list[Settled]()
    for event in all_events(host, session_id):
        before, snapshot = snapshot.settled_count, fold([event], snapshot)
        if snapshot.settled_count > before:
            found.append(snapshot.settled[-1])
    return found


def _settled_row(settled: Settled) -> dict[str, Any]:
    return {
        "attempt": settled.attempt,
        "key": settled.key or ("retry" if settled.kind == "retry" else None),
        "kind": settled.kind,
        "question": settled.message,
        "answer": _bare(settled.value),
        "outcome": settled.outcome,
        "by": settled.by,
        "via": settled.via,
        "asked": settled.opened_at,
        "answered": settled.at,
        "seconds": settled.at - settled.opened_at,
    }


def _open_rows(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    nothing = dict.fromkeys(("answer", "by", "via", "answered", "seconds"))
    for request in snapshot.open_requests:
        question = question_of(request)
        yield {
            **nothing,
            "attempt": request.attempt,
            "key": question.key or ("retry" if question.kind == "retry" else None),
            "kind": question.kind,
            "question": question.message,
            "outcome": OPEN,
            "asked": request.timestamp,
        }


def _bare(value: Any) -> Any:
    """The value of a form that asks for one, as it is."""
    return value["value"] if isinstance(value, dict) and value.keys() == {"value"} else value
