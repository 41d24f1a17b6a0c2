"""What every journal does: the durable log of all sessions, and the only truth.

A :class:`Write` is atomic: all of it is on disk when ``submit``'s future is done, or none of it. Writes are carried
out in the order they were submitted. A row of ``batches`` holds a run of events as the JSON array that viewers get,
so neither writing nor replaying looks at single events.
"""

from __future__ import annotations

from collections.abc import Awaitable
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

from msgspec import Struct

from hitl_jupyter.errors import HitlError, StoreDamaged, StoreFull, StoreHeld, StoreUnavailable
from hitl_jupyter.protocol import RequestKind, Status

REFUSALS = (StoreUnavailable, StoreFull, StoreDamaged)
"""The journal cannot do it now; the same may be tried again."""


class Batch(Struct, frozen=True, kw_only=True):
    """Events ``first_seq`` to ``last_seq`` of one session, as a JSON array in UTF-8."""

    first_seq: int
    last_seq: int
    data: bytes


class SessionRow(Struct, frozen=True, kw_only=True):
    """One session: the columns lists are filtered by, and its snapshot (JSON) as of ``snapshot_seq``.

    ``rev`` orders changes over all sessions, for inboxes. ``last_seq`` may be ahead of ``snapshot_seq`` by stream
    lines and progress, which are folded in when the session is loaded.
    """

    session_id: str
    owner: str
    task: str
    status: Status
    created_at: float
    rev: int
    last_seq: int
    snapshot_seq: int
    snapshot: bytes
    ended_at: float | None = None
    key: str | None = None
    notebook: str | None = None
    fingerprint: str | None = None


class SessionUpdate(Struct, frozen=True, kw_only=True):
    """New values for a session's row; None leaves a column as it is (``snapshot`` comes with ``snapshot_seq``)."""

    last_seq: int
    rev: int | None = None
    status: Status | None = None
    ended_at: float | None = None
    snapshot: bytes | None = None
    snapshot_seq: int | None = None


class RequestRow(Struct, frozen=True, kw_only=True):
    """One request, a record of its own, settled once by compare-and-set. ``resolution`` is the event as JSON."""

    request_id: str
    session_id: str
    kind: RequestKind
    attempt: int
    opened_seq: int
    state: Literal["open", "settled"] = "open"
    resolution: bytes | None = None


class Settlement(Struct, frozen=True, kw_only=True):
    """Settle this request, if it is still open; if it is not, the whole write fails with ``AlreadySettled``."""

    request_id: str
    resolution: bytes


class LaunchRow(Struct, frozen=True, kw_only=True):
    """One process of an attempt: its fence number, its secret's digest, and how much of its outbox was taken.

    ``suspend_after`` says that the attempt is durable, and how many seconds it waits before it lets its process go;
    ``suspended_with`` is the number of open requests when that happened.
    """

    launch_id: str
    session_id: str
    attempt: int
    fence: int
    secret_digest: str
    pid: int | None = None
    process_started_at: float | None = None
    accepted: int = 0
    ended: bool = False
    boot_id: str | None = None
    suspend_after: float | None = None
    suspended_with: int | None = None


class CallRow(Struct, frozen=True, kw_only=True):
    """The ``number``-th call of a durable attempt: a finished step, or a question.

    ``place`` is its number among the calls without a key. ``seq`` is the session's last event before it.
    ``resolution`` is read, never written: what settled the question.
    """

    session_id: str
    attempt: int
    number: int
    name: str
    place: int | None
    request_id: str | None
    seq: int
    resolution: bytes | None = None


class CommandRow(Struct, frozen=True, kw_only=True):
    """The first outcome of a command with an idempotency key; ``reply`` is JSON. ``scope`` is a session or an owner."""

    scope: str
    key: str
    reply: bytes
    at: float


class DraftRow(Struct, frozen=True, kw_only=True):
    """The half-typed answer of a request; one mutable row, no seq."""

    session_id: str
    request_id: str
    values: bytes
    revision: int


class Write(Struct, frozen=True, kw_only=True):
    """One atomic change of one session."""

    session_id: str
    create: SessionRow | None = None
    batch: Batch | None = None
    update: SessionUpdate | None = None
    opened: tuple[RequestRow, ...] = ()
    settled: tuple[Settlement, ...] = ()
    launch: LaunchRow | None = None
    calls: tuple[CallRow, ...] = ()
    command: CommandRow | None = None


class Truncation(NamedTuple):
    """Events ``first_seq`` to ``last_seq`` of a session, of so many bytes, that retention took."""

    first_seq: int
    last_seq: int
    bytes: int
    reason: str


class SessionQuery(Struct, frozen=True, kw_only=True):
    """Which sessions to list, newest first; ``cursor`` is (created_at, session_id) of the last one already had."""

    statuses: tuple[Status, ...] = ()
    task: str | None = None
    owner: str | None = None
    limit: int = 100
    cursor: tuple[float, str] | None = None


class Journal(Protocol):
    """A durable log. Open it with ``async with``; every opening after an unclean end has a new ``epoch``.

    Refusals: ``StoreUnavailable`` (cannot write now), ``StoreFull`` (disk full), ``StoreHeld`` (another process has
    it), ``StoreDamaged`` (on opening, or for what is read).
    """

    @property
    def epoch(self) -> int: ...

    @property
    def first_epoch(self) -> int:
        """The epoch that this history began with; numbers of earlier epochs may name other events."""

    @property
    def last_rev(self) -> int:
        """The highest ``rev`` that was given when the journal was opened, to sessions or to their being forgotten."""

    @property
    def trouble(self) -> HitlError | None:
        """Why the store refused the last write; None after one that it took.

        The journal finds out by itself when it can write again. That one write was wrong (a request settled before, a
        value that cannot be stored, a gap) is no trouble.
        """

    async def lost(self) -> StoreHeld:
        """Wait until the journal is no longer this process's; the refusal that says whose it is. Close it then."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def submit(self, write: Write) -> Awaitable[None]:
        """Queue a write; the awaitable is done once it is durable, or raises why it is not."""

    async def session(self, session_id: str) -> SessionRow | None: ...

    async def sessions(self, query: SessionQuery) -> list[SessionRow]: ...

    async def latest_with_key(self, owner: str, notebook: str | None, key: str) -> SessionRow | None:
        """The newest session of that key, which is scoped to owner and notebook."""

    async def events(self, session_id: str, after: int, before: int, max_bytes: int) -> list[Batch]:
        """Batches that hold a seq with ``after < seq < before``, whole, in order; between them, what retention took.

        At least one batch if there is any; further ones only while the sum stays within ``max_bytes``.
        """

    async def last_events(self, session_id: str, before: int, count: int, max_bytes: int) -> list[Batch]:
        """The fewest whole batches, in order, that hold the last ``count`` events with ``seq < before``.

        Of these the last one, if there is any; earlier ones only while the sum stays within ``max_bytes``.
        """

    async def request(self, request_id: str) -> RequestRow | None: ...

    async def launches(self, session_id: str) -> list[LaunchRow]: ...

    async def launches_of(self, statuses: tuple[Status, ...]) -> list[LaunchRow]:
        """The launches of all sessions that have one of these statuses; of each session by fence."""

    async def calls(self, session_id: str, attempt: int) -> list[CallRow]:
        """What a durable attempt called, in order, with what became of its questions."""

    async def command(self, scope: str, key: str) -> CommandRow | None: ...

    async def drafts(self, session_id: str) -> list[DraftRow]:
        """The drafts of a session's requests that are not settled: settling a request ends its draft."""

    async def save_draft(self, draft: DraftRow) -> None:
        """Insert or replace the draft of ``draft.request_id``."""

    async def forget(self, session_id: str, rev: int) -> None:
        """Delete every row of a session; ``rev`` is that of this change, and is given to no other."""

    # -- retention

    async def expired(self, ended_before: float, keep: int, limit: int) -> list[str]:
        """Ended sessions that are due, at most ``limit``, those that ended first before others.

        Due is what ended before that time (epoch seconds), and the oldest of what is over ``keep`` sessions in all.
        """

    async def size(self, session_id: str) -> int:
        """Bytes of events that are kept of a session."""

    async def truncate(self, session_id: str, excess: int, reason: str) -> int:
        """Take the oldest output of a session until ``excess`` bytes or all that may go are gone; how many that was.

        Output is lines, displays and progress; everything else stays, and so does what the kept snapshot has not got.
        """

    async def truncations(self, session_id: str, after: int, before: int) -> list[Truncation]:
        """What was taken of the events with ``after < seq < before``, in order; the outer ranges may reach further."""
