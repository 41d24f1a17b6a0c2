"""The wire: every event, message and command of the contract, as one closed tagged union per direction.

The names are fixed: outside clients are written against them, and ``protocol.ts`` is generated from this file. Events
are journaled and numbered, messages are what a socket says besides, commands come from people. Unknown fields are
refused in commands and ignored in events: an old journal stays readable, for new fields have defaults.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from hitl_jupyter.errors import Malformed
from hitl_jupyter.kernel_launch import KernelLaunch

PROTOCOL_VERSION = 1
"""Kernel, server and worker of one session must agree on it."""

BATCH_SUBPROTOCOL = "hitl.v1.batch"
"""A viewer that offers this WebSocket subprotocol gets a JSON array of messages per frame."""

Status = Literal["queued", "running", "waiting", "cancelling", "completed", "failed", "cancelled"]
Outcome = Literal["answered", "defaulted", "expired", "cancelled", "superseded"]
RequestKind = Literal["confirm", "user_input", "retry"]
OnDeadline = Literal["keep", "fail", "default"]
Source = Literal["task", "stdout", "stderr", "log"]
Via = Literal["browser", "kernel", "token", "cli", "task", "host"]
Answers = Literal["ask", "reuse"]
MimeBundle = dict[str, Any]
"""MIME type → data, as in Jupyter's ``display_data``; images are base64 text."""

RequestId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


# -- events: facts in a session's journal ---------------------------------------------------------------------------


class Event(Struct, tag_field="type", kw_only=True):
    """What every journaled event carries. The session stamps all but ``timestamp``, which is the emitter's clock."""

    session_id: str = ""
    seq: int | UnsetType = UNSET
    timestamp: float = 0.0
    attempt: int = 0


class Stream(Event, tag="stream"):
    """A line, or a piece of output, of the task. A transient one has no ``seq`` and is for live viewers only."""

    content: str
    source: Source = "task"
    level: str | UnsetType = UNSET
    transient: bool | UnsetType = UNSET


class Display(Event, tag="display"):
    """A rich output: what ``display(obj)`` shows in a cell."""

    data: MimeBundle
    metadata: dict[str, Any] | UnsetType = UNSET
    display_id: str | None = None


class Progress(Event, tag="progress"):
    """How far a counted piece of work has come: ``done`` of ``total`` items; ``total`` null where it is unknown."""

    progress_id: str
    label: str
    done: float
    total: float | None = None


class Origin(Struct, kw_only=True, omit_defaults=True):
    """The cell a session was started from."""

    notebook: str | None = None
    cell_id: str | None = None
    kernel_id: str | None = None


class SessionFacts(Struct, kw_only=True):
    """What a session is born with and never changes."""

    task: str
    title: str
    owner: str
    key: str | None = None
    origin: Origin | None = None
    max_retries: int = 0
    launcher: str = "local"


class StatusChanged(Event, tag="status"):
    """The session's status. The first, ``queued``, carries its facts; a later one says whether all is asked anew, and
    ``cancelling`` who cancels and why. ``detail`` is what holds the session up. After one with ``resumed_from`` a
    durable task goes on in another process, and may repeat what stands after that event."""

    status: Status
    session: SessionFacts | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    by: str | UnsetType | None = UNSET
    reason: str | UnsetType = UNSET
    answers: Answers | UnsetType = UNSET
    resumed_from: int | UnsetType = UNSET


class Request(Event, kw_only=True):
    """What every open question carries. ``deadline`` is epoch seconds; ``evidence`` is MIME bundles beside it."""

    request_id: RequestId
    key: str | None = None
    message: str = ""
    deadline: float | None = None
    on_deadline: OnDeadline = "keep"
    evidence: list[MimeBundle] = []
    assignees: list[str] = []


class RequestConfirmation(Request, tag="request_confirmation"):
    """A yes-or-no question."""

    default: bool | None = None


class RequestUserInput(Request, tag="request_user_input"):
    """A form. ``schema`` is JSON Schema of an object; ``fields`` says the same as the proof of concept's list."""

    default: dict[str, Any] | None = None
    fields: list[dict[str, Any]] = []
    schema: dict[str, Any] = {}
    ui_schema: dict[str, Any] = {}
    initial: dict[str, Any] | None = None


class RequestResolved(Event, tag="request_resolved"):
    """What settled a request, once. ``value`` is a boolean or the form's values, secrets masked."""

    request_id: RequestId
    outcome: Outcome
    value: Any = None
    by: str | None = None
    via: Via = "host"
    at: float = 0.0
    comment: str | None = None
    answers: Answers | UnsetType = UNSET


class TaskCompleted(Event, tag="task_completed"):
    """The attempt returned. ``values`` is the JSON projection of what it returned."""

    values: Any = None


class TaskFailed(Event, tag="task_failed"):
    """An error. With a ``request_id`` it is an open "retry?" request of that id.

    ``ends_attempt`` is false for ``ctx.retry(error)``, where only the failing part would be repeated: the attempt
    lives on and waits. ``retries`` counts the retries used so far, out of ``max_retries``.
    """

    error: str
    error_type: str = "Exception"
    traceback: str = ""
    can_retry: bool = False
    max_retries: int = 0
    retries: int = 0
    ends_attempt: bool = True
    request_id: RequestId | None = None


class TaskCancelled(Event, tag="task_cancelled"):
    """The session ended without a result: ``user``, ``not_confirmed``, ``deadline``, ``shutdown``, …"""

    reason: str = "user"
    by: str | None = None
    detail: str | UnsetType = UNSET


class RequestOverdue(Event, tag="request_overdue"):
    """A request with ``on_deadline="keep"`` passed its deadline and stays open."""

    request_id: RequestId


class Dropped(Event, tag="dropped"):
    """A flood was cut: so many events and bytes of that source were let go before they were numbered."""

    events: int
    bytes: int
    source: str = "task"


# fmt: off
JournalEvent = (
    Stream | Display | Progress | StatusChanged | RequestConfirmation | RequestUserInput | RequestResolved
    | TaskCompleted | TaskFailed | TaskCancelled | RequestOverdue | Dropped
)
# fmt: on
REQUEST_EVENTS = (RequestConfirmation, RequestUserInput)

# -- messages: what a socket says besides the events ----------------------------------------------------------------


class StateReplayStart(Struct, tag_field="type", tag="state_replay_start", kw_only=True):
    """History follows: ``count`` events from ``first_seq`` to ``last_seq``. ``snapshot`` only with ``?tail=N``."""

    session_id: str
    message: str
    count: int
    first_seq: int
    last_seq: int
    epoch: int
    snapshot: Any | UnsetType = UNSET


class StateReplayComplete(Struct, tag_field="type", tag="state_replay_complete", kw_only=True):
    """History ended at ``last_seq``; what comes now is live."""

    session_id: str
    message: str
    last_seq: int


class Truncated(Struct, tag_field="type", tag="truncated", kw_only=True):
    """Retention took these events, of about so many ``bytes``; the viewer goes on behind them."""

    session_id: str
    first_seq: int
    last_seq: int
    events: int
    bytes: int
    reason: str


class Reset(Struct, tag_field="type", tag="reset", kw_only=True):
    """What the viewer has is not this journal's history: forget it; everything follows from the start."""

    session_id: str
    epoch: int


class Draft(Struct, tag_field="type", tag="draft", kw_only=True):
    """The half-typed answer of a request, never with a secret in it."""

    session_id: str
    request_id: str
    values: dict[str, Any]
    revision: int = 0


class ErrorMessage(Struct, tag_field="type", tag="error", kw_only=True):
    """A refused command: the same code and sentence as the REST reply."""

    session_id: str
    code: str
    message: str
    request_id: str | UnsetType = UNSET
    idempotency_key: str | UnsetType = UNSET
    errors: list[dict[str, Any]] | UnsetType = UNSET
    details: dict[str, Any] | UnsetType = UNSET


SocketMessage = StateReplayStart | StateReplayComplete | Truncated | Reset | Draft | ErrorMessage
ServerMessage = JournalEvent | SocketMessage

# -- commands: what a person does -----------------------------------------------------------------------------------


class _Command(Struct, tag_field="type", kw_only=True, forbid_unknown_fields=True):
    idempotency_key: Key | None = None


class Confirm(_Command, tag="confirm"):
    """Yes or no to a confirmation."""

    value: bool
    request_id: RequestId | None = None
    comment: str | None = None


class UserInput(_Command, tag="user_input"):
    """The values of a form."""

    values: dict[str, Any]
    request_id: RequestId | None = None


class Retry(_Command, tag="retry"):
    """Try again (or, with false, let it fail). A new attempt reuses the forms given, or asks all anew."""

    value: bool
    request_id: RequestId | None = None
    answers: Answers = "reuse"


class Cancel(_Command, tag="cancel"):
    """End the session; ``force`` kills at once."""

    force: bool = False


class DraftInput(_Command, tag="draft"):
    """Keep this half-typed answer."""

    request_id: RequestId
    values: dict[str, Any]


AnswerCommand = Confirm | UserInput | Retry
Command = Confirm | UserInput | Retry | Cancel | DraftInput

KIND_OF_COMMAND: dict[type, RequestKind] = {Confirm: "confirm", UserInput: "user_input", Retry: "retry"}


class StartTask(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST start-task``. ``shipped`` is a task from a cell with its arguments, an opaque pickle (base64
    in JSON) that the server never opens; a task that runs in the ``kernel`` never leaves it. By ``fingerprint``, a
    digest of code and parameters, two starts with one ``key`` are compared."""

    task: str | None = None
    params: dict[str, Any] = {}
    shipped: bytes | None = None
    fingerprint: str | None = None
    key: Key | None = None
    fresh: bool = False
    title: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    max_retries: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    durable: bool = False
    launcher: str | None = None
    kernel: KernelLaunch | None = None
    origin: Origin | None = None
    env: WorkerEnv | None = None
    on_disconnect: Literal["keep", "cancel"] | None = None
    on_shutdown: Literal["keep", "cancel"] | None = None
    idempotency_key: Key | None = None


class WorkerEnv(Struct, kw_only=True, forbid_unknown_fields=True):
    """Where a worker runs: the kernel's interpreter, folder, import path and environment variables."""

    python: str | None = None
    cwd: str | None = None
    sys_path: list[str] | None = None
    environ: dict[str, str] | None = None


# -- encode and decode ----------------------------------------------------------------------------------------------

_T = TypeVar("_T")
_encoder = msgspec.json.Encoder()
_events_decoder = msgspec.json.Decoder(list[JournalEvent])
_command_decoder = msgspec.json.Decoder(Command)
_start_decoder = msgspec.json.Decoder(StartTask)
_pieces_decoder = msgspec.json.Decoder(list[msgspec.Raw])

encode = _encoder.encode
"""Any struct, or list of structs, as UTF-8 JSON."""


def decode_events(data: bytes) -> list[JournalEvent]:
    """Read a journaled batch (a JSON array) back as events."""
    return _events_decoder.decode(data)


def split_batch(data: bytes) -> list[msgspec.Raw]:
    """Cut a JSON array into the raw bytes of its members, without reading them."""
    return _pieces_decoder.decode(data)


def decode_command(data: bytes | str) -> Command:
    """Read one command.

    Raises
    ------
    Malformed
        The text is not JSON or not one of the commands; the sentence names the field.

    Examples
    --------
    >>> decode_command('{"type": "confirm", "value": true}').value
    True
    """
    command: Command = _decoded(_command_decoder, data, "a command (confirm, user_input, retry, cancel or draft)")
    return command


def decode_start(data: bytes | str) -> StartTask:
    """Read the body of ``start-task``; raises :class:`Malformed` like :func:`decode_command`."""
    return _decoded(_start_decoder, data or b"{}", "a start-task body")


def _decoded(decoder: msgspec.json.Decoder[_T], data: bytes | str, what: str) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"This is not {what}: {error}. Send it in the shape that GET openapi.json shows.") from None
