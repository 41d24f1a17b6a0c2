"""What host and worker say to each other: one closed union per direction, as msgpack frames.

A worker connects, says :class:`Hello` with its launch's secret, is welcomed with how much of its outbox the host has
taken, and gets a :class:`Run` (a warm spare waits for it). It numbers every event it emits 1, 2, 3, … per launch and
keeps it until the host has acknowledged that number, that is, until the event is in the journal. After a broken link
it connects again and sends the rest once more; the host takes each number once.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from hitl_jupyter.protocol import (
    Display,
    Outcome,
    Progress,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    Via,
)


class Durable(Struct, tag_field="type", tag="durable", kw_only=True):
    """The attempt may be gone on with by another process. ``suspend_after``: seconds it waits for a person before it
    lets its process go (infinite: it never does).
    """

    suspend_after: float


class Called(Struct, tag_field="type", tag="called", kw_only=True):
    """The attempt's ``number``-th recorded call: a question, told just before it, or a step, told when it is finished.

    ``name`` is what people read. A call with a key is known by its name, any other by its ``place`` among those.
    """

    number: int
    name: str
    place: int | None = None
    request_id: str | None = None


class Suspended(Struct, tag_field="type", tag="suspended", kw_only=True):
    """The last word of a process that was let go: the attempt has nothing to do but wait for these requests."""

    waiting: list[str]


WorkerRecord = Durable | Called | Suspended
"""What a worker tells the host of a durable attempt; nobody else is shown it."""

WorkerEvent = (
    Stream
    | Display
    | Progress
    | RequestConfirmation
    | RequestUserInput
    | RequestResolved
    | TaskCompleted
    | TaskFailed
    | TaskCancelled
    | WorkerRecord
)
"""What a worker may emit. A ``RequestResolved`` from a worker withdraws a request of its own (outcome cancelled).

``TaskFailed`` with ``ends_attempt=False`` and a ``request_id`` is ``ctx.retry``; with ``ends_attempt=True`` the worker
sets ``can_retry`` to whether a retry makes sense at all (not after ``NotConfirmed``, nor after a declined
``ctx.retry`` of the same error), and the host, which counts the retries, decides and adds the ``request_id``.
"""


class _Message(Struct, tag_field="is", kw_only=True):
    pass


# -- worker to host -------------------------------------------------------------------------------------------------


class Hello(_Message, tag="hello"):
    """The first frame of every connection, and of a spool. ``beats``: it keeps to the Welcome's ``beat_seconds``."""

    launch_id: str
    secret: str
    pid: int
    protocol: int
    beats: bool = False


class Emit(_Message, tag="emit"):
    """Events ``first``, ``first + 1``, … of this launch's outbox."""

    first: int
    events: list[WorkerEvent]


class Transient(_Message, tag="transient"):
    """Stream text for live viewers only: a redrawn line, say. Not numbered, not kept."""

    events: list[Stream]


class Validated(_Message, tag="validated"):
    """The reply to :class:`Validate`: ``values`` as they are to be journaled, or an error per field."""

    call: int
    values: Any = None
    errors: list[dict[str, str]] = []


class Described(_Message, tag="described"):
    """The reply to :class:`Describe`: the registered tasks, and the modules that could not be imported."""

    tasks: list[dict[str, Any]]
    problems: list[dict[str, Any]] = []


class Beat(_Message, tag="beat"):
    """Nothing to say, but still there."""


class GaveUp(_Message, tag="gave_up"):
    """The last frame of a spool: no host was found for so many seconds, and the process ended."""

    session_id: str
    seconds: float


WorkerMessage = Hello | Emit | Transient | Validated | Described | Beat | GaveUp


# -- host to worker -------------------------------------------------------------------------------------------------


class Welcome(_Message, tag="welcome"):
    """The host took the outbox up to this number (0: nothing yet), and wants to hear something that often."""

    accepted: int
    beat_seconds: float | None = None


class Ack(_Message, tag="ack"):
    """The outbox up to this number is in the journal."""

    number: int


class Resolved(_Message, tag="resolved"):
    """A request of this worker was settled. ``value`` has the secrets unmasked, or it is as the journal has it.

    A host that was started after the answer has only the journal. The worker then takes the secrets from the values
    that it was last given to check (:class:`Validate`).
    """

    request_id: str
    outcome: Outcome
    value: Any = None
    masked: bool = False
    by: str | None = None
    via: Via = "host"
    comment: str | None = None


class Recorded(Struct, kw_only=True):
    """A call that an earlier process of the attempt made, and what its question came to, if it is settled."""

    call: Called
    answer: Resolved | None = None


class Run(_Message, tag="run"):
    """Run this attempt. One of ``task`` (``module:function`` or a registered name) and ``shipped`` (a pickle) is set.

    ``result_path`` is where the pickle of the result goes (mode 0600). ``reuse`` maps a question's key, or its message
    where it has none, to the answers that earlier attempts got, in order. ``max_retries`` None means: what the task
    says; ``retries`` counts those used so far. ``steps`` is the folder of the results of finished steps, and ``calls``
    what earlier processes of this attempt recorded. A worker that is running already ignores a second ``Run``: it is
    sent again after every reconnection.
    """

    session_id: str
    attempt: int
    result_path: str
    task: str | None = None
    params: dict[str, Any] = {}
    shipped: bytes | None = None
    cwd: str | None = None
    sys_path: list[str] | None = None
    max_retries: int | None = None
    retries: int = 0
    reuse: dict[str, list[Any]] = {}
    steps: str = ""
    calls: list[Recorded] = []


class Validate(_Message, tag="validate"):
    """Check these values against the request's Python type; reply with :class:`Validated`."""

    call: int
    request_id: str
    values: dict[str, Any]


class CancelRun(_Message, tag="cancel"):
    """End the task cooperatively; what stronger means follow is the host's affair.

    ``force`` is one of them, for a run in a kernel, whose process nobody may signal: interrupt the task's own thread.
    """

    by: str | None = None
    reason: str = "user"
    force: bool = False


class Describe(_Message, tag="describe"):
    """List the registered tasks: entry points, and the tasks of these modules."""

    modules: list[str] = []


class Stop(_Message, tag="stop"):
    """Leave: the host has no (more) work for this process."""


class Refused(_Message, tag="refused"):
    """The host does not know this launch, its secret or its protocol; the worker ends."""

    code: str
    message: str


HostMessage = Welcome | Ack | Run | Validate | Resolved | CancelRun | Describe | Stop | Refused
