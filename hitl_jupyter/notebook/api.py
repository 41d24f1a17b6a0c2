"""What a notebook calls: start a task, attach to a session, list them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from html import escape
from typing import Any, Literal
from uuid import uuid4

import msgspec

from hitl_jupyter.author.task import Task, as_task, find_task
from hitl_jupyter.errors import NotFound, NotShippable, WrongState
from hitl_jupyter.notebook import answering, shipping
from hitl_jupyter.notebook.attendance import asks_a_server
from hitl_jupyter.notebook.environment import origin, worker_env
from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.hosts import current_host
from hitl_jupyter.notebook.kernel_run import KernelRun, kernel_fingerprint
from hitl_jupyter.notebook.session import Session
from hitl_jupyter.protocol import Origin, StartTask, Status
from hitl_jupyter.summary import Summary
from hitl_jupyter.tables import html_table, text_table

KeepOrCancel = Literal["keep", "cancel"]

DEFAULT_MAX_BODY = 10 * shipping.MIB


def start(
    task: Task[..., Any] | Callable[..., Any] | str,
    /,
    *args: Any,
    key: str | None = None,
    fresh: bool = False,
    title: str | None = None,
    max_retries: int | None = None,
    on_disconnect: KeepOrCancel | None = None,
    on_shutdown: KeepOrCancel | None = None,
    where: Literal["worker", "kernel"] | None = None,
    **kwargs: Any,
) -> Session:
    """Start a task in a worker process of its own, or in this kernel, and return at once.

    The worker has this kernel's Python, working directory, import path and environment variables. A function of the
    notebook travels there by value, with what it uses; arguments may be any objects that can be pickled.

    In the kernel the task runs in a thread, with the very objects: for data that is too large to send, or cannot be
    pickled. It ends with the kernel, and a loop in C code that does not stop by itself can only be ended so.

    Parameters
    ----------
    task : task, function or str
        A ``@hitl.task``, any function, or ``"module:function"``.
    *args, **kwargs
        The task's parameters, without the context. One that has a name of those below is given by its place.
    key : str, optional
        A name for the session within this notebook. Starting again with the same key, code and parameters attaches to
        the session that lives, or that succeeded, instead of starting another.
    fresh : bool
        Start anew even so.
    title : str, optional
        What people read above it; by default the task's own.
    max_retries : int, optional
        How often a failure is offered for retry; by default the task's own.
    on_disconnect, on_shutdown : {"keep", "cancel"}, optional
        What becomes of it when its last viewer leaves and no page of yours is open any more, and when the server shuts
        down; by default the server's choice.
    where : {"worker", "kernel"}, optional
        Where it runs; by default in a worker, and under HITL_JUPYTER_ASK in the kernel.

    Returns
    -------
    Session
        As a cell's last line it is the live view.

    Raises
    ------
    TypeError
        The task does not take these parameters.
    NotShippable
        Something cannot be pickled; the sentence names it.
    TooLarge
        The task and its arguments are over the server's limit on a body.
    KeyConflict
        A session with this key lives, with other code or parameters.
    NoServer, VersionMismatch
        There is no server to start it, or one of another version.
    WrongState
        A durable task cannot run in the kernel: it would end with it.

    Examples
    --------
    From a function in a cell to its result::

        def train(ctx, rounds=10):
            for round in ctx.progress(range(rounds), "training"):
                ...
            return model

        session = hitl.start(train, rounds=3)
        model = session.result()

    With data that stays where it is::

        session = hitl.start(clean, huge_frame, where="kernel")
    """
    if where not in (None, "worker", "kernel"):
        raise ValueError(f"where is 'worker' or 'kernel', not {where!r}.")
    host = current_host()
    request = StartTask(
        key=key,
        fresh=fresh,
        title=title,
        max_retries=max_retries,
        origin=origin(),
        on_disconnect=on_disconnect,
        on_shutdown=on_shutdown,
        idempotency_key=uuid4().hex,
    )
    if where == "kernel" or (where is None and asks_a_server()):
        return Session(_run_here(request, task, args, kwargs, host), host)
    request.env = worker_env()
    if isinstance(task, str):
        _name(request, task, args, kwargs)
    else:
        _ship(request, as_task(task), args, kwargs, host)
    return Session(answering.start(host, request), host)


def attach(session_id: str | None = None) -> Session:
    """A handle on a session that was started before, from any kernel.

    Parameters
    ----------
    session_id : str, optional
        Which one; without it, this notebook's latest.

    Raises
    ------
    NotFound
        There is no such session, or it is not yours.

    Examples
    --------
    After a restart of the kernel, as a cell's only line::

        hitl.attach()
    """
    host = current_host()
    if session_id is not None:
        session = Session(session_id, host)
        _ = session.status  # so that an unknown one is told here and not later
        return session
    here = origin()
    for summary in host.sessions():
        if _is_from(here, summary.origin):
            return Session(summary.session_id, host)
    place = f"{here.notebook}" if here.notebook else "this kernel"
    raise NotFound(
        f"No session was started from {place}. Start one with hitl.start(task), or find its id in hitl.sessions()."
    )


def sessions(
    status: Status | Collection[Status] | None = None, task: str | None = None, limit: int = 100
) -> SessionList:
    """The sessions of yours that the server knows, newest first.

    Parameters
    ----------
    status : str or collection of str, optional
        Only those in one of these statuses.
    task : str, optional
        Only those of the task of that name.
    limit : int
        How many at the most.

    Returns
    -------
    SessionList
        A list of :class:`Session` that shows itself as a table.

    Examples
    --------
    What waits for an answer::

        hitl.sessions(status="waiting")
    """
    host = current_host()
    return SessionList(host, list(host.sessions(status=status, task=task, limit=limit)))


class SessionList(list[Session]):
    """Sessions, shown as a table of how they stood when the list was made."""

    def __init__(self, host: Host, summaries: list[Summary]) -> None:
        super().__init__(Session(summary.session_id, host) for summary in summaries)
        self._rows = [_row(summary) for summary in summaries]

    def __repr__(self) -> str:
        return text_table(_HEAD, self._rows) if self else "no sessions"

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self._rows) if self else f"<p>{escape(repr(self))}</p>"


_HEAD = ("session", "task", "status", "attempt", "waits for")


def _row(summary: Summary) -> tuple[str, ...]:
    asked = "; ".join(request.message for request in summary.open_requests)
    return (summary.title, summary.task, summary.status, str(summary.attempt), asked)


def _is_from(here: Origin, there: Origin | None) -> bool:
    """Whether a session comes from this notebook, or, outside of notebooks, from this kernel."""
    if there is None:
        return False
    if here.notebook is not None:
        return there.notebook == here.notebook
    return here.kernel_id is not None and there.kernel_id == here.kernel_id


def _run_here(request: StartTask, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any], host: Host) -> str:
    """A task in a thread of this kernel, called with these very objects; the session's id."""
    called = find_task(task) if isinstance(task, str) else as_task(task)
    if called.durable:
        raise WrongState(
            f"{called.name} is durable: it is to go on in another process, and what runs in the kernel ends with it. "
            "Start it without where='kernel', or take durable=True off."
        )
    return kernel_run(request, called, args, kwargs).start(request, host)


def kernel_run(request: StartTask, called: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> KernelRun:
    """A task that is to run in a thread of this kernel, and ``request``, filled in, to start it with.

    Raises
    ------
    TypeError
        The task does not take these parameters.
    """
    _check_call(called, args, kwargs)
    if request.key is not None:
        request.fingerprint = kernel_fingerprint(called, args, kwargs)
    request.task = called.name
    request.title = request.title or called.title
    request.max_retries = called.max_retries if request.max_retries is None else request.max_retries
    return KernelRun(called, args, kwargs, request.max_retries)


def _name(request: StartTask, task: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A task that the worker imports by its name, with parameters as JSON."""
    if args:
        raise TypeError(f"Give the parameters of {task!r} by name; only a function itself takes them by place.")
    try:
        request.params = msgspec.to_builtins(kwargs, str_keys=True)
    except TypeError as error:
        raise NotShippable(
            f"A task started by name takes JSON, and {error}. Import the function and pass that instead of its name."
        ) from None
    request.task = task


def _ship(request: StartTask, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], host: Host) -> None:
    """A task that travels by value, or by reference where the worker can import it, with any arguments."""
    _check_call(task, args, kwargs)
    parcel = shipping.pack(task, args, kwargs)
    request.shipped = parcel.data
    request.fingerprint = parcel.fingerprint
    request.task = task.name
    request.title = request.title or task.title
    request.durable = task.durable
    request.max_retries = task.max_retries if request.max_retries is None else request.max_retries
    allowed = host.health().limits.get("max_body_bytes", DEFAULT_MAX_BODY)
    shipping.check_size(len(msgspec.json.encode(request)), allowed, task, args, kwargs)


def _check_call(task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise ``TypeError`` here, in the cell, for parameters that the function does not take."""
    try:
        signature = inspect.signature(task.function)
    except ValueError:  # some built-in functions tell nothing of themselves
        return
    context = (None,) if task.wants_context else ()
    try:
        signature.bind(*context, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{task.name} cannot be called so: {error}.") from None
