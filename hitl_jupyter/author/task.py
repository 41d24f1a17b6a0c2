"""``@task``: what makes a Python function a task, and how the tasks of an environment are found."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, overload

from hitl_jupyter.author.heavy import heavy
from hitl_jupyter.errors import NotFound

ENTRY_POINTS = "hitl_jupyter.tasks"
"""Packages name their tasks in this entry-point group: one task, or a module with tasks, per entry."""

SUSPEND_AFTER = 60.0
"""Seconds that a durable task waits for a person before its process is let go."""

CONTEXT_CLASSES = ("Context", "SyncContext")

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Task(Generic[_P, _R]):
    """A function with what the product needs to know of it. Called, it is still that function.

    Attributes
    ----------
    function : callable
        What was decorated.
    title : str
        What people read; the name as words where none was given.
    max_retries : int
        How often a failure is offered for retry, whole attempts and ``ctx.retry`` counted together.
    durable : bool
        Whether it goes on by itself in another process when its own was lost.
    suspend_after : float or None
        Seconds a durable task waits for a person before its process is let go; None: it never is.

    Examples
    --------
    >>> @task(max_retries=2)
    ... def double(n: int) -> int:
    ...     "Twice as much."
    ...     return 2 * n
    >>> double(4), double.title, double.max_retries, double.__doc__
    (8, 'Double', 2, 'Twice as much.')
    """

    def __init__(
        self,
        function: Callable[_P, _R],
        *,
        name: str | None = None,
        title: str | None = None,
        max_retries: int = 0,
        durable: bool = False,
        suspend_after: float | None = SUSPEND_AFTER,
    ) -> None:
        functools.update_wrapper(self, function)
        self.__name__: str = getattr(function, "__name__", type(function).__name__)
        self.function = function
        self.name = name or self.__name__
        self.title = title or _as_title(self.name)
        self.max_retries = max_retries
        self.durable = durable
        self.suspend_after = suspend_after

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def __reduce__(self) -> Any:
        # An importable task travels by name, as a function does. One from a notebook travels by value.
        module = sys.modules.get(self.function.__module__)
        if self.function.__module__ != "__main__" and getattr(module, self.__name__, None) is self:
            return self.__name__
        said = (self.name, self.title, self.max_retries, self.durable, self.suspend_after)
        return _rebuilt, (self.function, *said)

    @property
    def is_async(self) -> bool:
        """Whether it is an ``async def``."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def wants_context(self) -> bool:
        """Whether its first parameter is the context: annotated as one, or named ``ctx``."""
        try:
            first = next(iter(inspect.signature(self.function).parameters.values()), None)
        except ValueError:  # some built-in functions tell nothing of themselves
            return False
        return first is not None and (first.name == "ctx" or _names_context(first.annotation))

    @property
    def needs_parameters(self) -> bool:
        """Whether some parameter, the context apart, has no default."""
        own = list(inspect.signature(self.function).parameters.values())[1 if self.wants_context else 0 :]
        return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in own)


def _as_title(name: str) -> str:
    words = name.replace("_", " ").strip() or name
    return words[0].upper() + words[1:]


def _rebuilt(
    function: Callable[..., Any],
    name: str,
    title: str,
    max_retries: int,
    durable: bool = False,
    suspend_after: float | None = SUSPEND_AFTER,
) -> Task[..., Any]:
    return Task(function, name=name, title=title, max_retries=max_retries, durable=durable, suspend_after=suspend_after)


def _names_context(annotation: Any) -> bool:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return text.rpartition(".")[2].strip("'\" ") in CONTEXT_CLASSES


@overload
def task(function: Callable[_P, _R], /) -> Task[_P, _R]: ...
@overload
def task(
    *,
    max_retries: int = 0,
    durable: bool = False,
    suspend_after: float | None = SUSPEND_AFTER,
    title: str | None = None,
    name: str | None = None,
) -> Callable[[Callable[_P, _R]], Task[_P, _R]]: ...
def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    max_retries: int = 0,
    durable: bool = False,
    suspend_after: float | None = SUSPEND_AFTER,
    title: str | None = None,
    name: str | None = None,
) -> Any:
    """Make a function a task that ``hitl.start`` runs in a worker of its own.

    The function may be ``def`` or ``async def``. If its first parameter is named ``ctx``, or is annotated
    ``hitl.Context`` (``async def``) or ``hitl.SyncContext`` (``def``), it gets the context there; the others are the
    task's parameters.

    Parameters
    ----------
    max_retries : int
        How often a failure is offered for retry; 0 means that the first failure ends the session.
    durable : bool
        Whether the task goes on by itself when its process was lost. The function is then run again from its top:
        what it did in a finished :meth:`~Context.step` is not done again, what was answered is not asked again. So
        whatever must not happen twice belongs into a step, and what stands between steps has to come out alike.
    suspend_after : float or None
        Seconds a durable task does nothing but wait for a person before its process is let go; the answer brings it
        back. None: it is never let go.
    title : str, optional
        What people read above the session; the name as words where not given, "Clean data" for ``clean_data``.
    name : str, optional
        What lists of tasks call it; the function's name where not given.

    Examples
    --------
    >>> @task
    ... def greet(ctx, name: str = "you") -> str:
    ...     ctx.stream("Hello", name)
    ...     return name
    >>> greet
    <task greet>
    """

    def decorate(function: Callable[..., Any]) -> Task[..., Any]:
        return Task(
            function,
            max_retries=max_retries,
            durable=durable,
            suspend_after=suspend_after,
            title=title,
            name=name,
        )

    return decorate if function is None else decorate(function)


def as_task(function: Any) -> Task[..., Any]:
    """A task as it is; any other callable as a task with nothing said about it."""
    return function if isinstance(function, Task) else Task(function)


def parameters(task: Task[..., Any]) -> Any:
    """The form of a task's parameters; its ``check`` gives keyword arguments."""
    function = task.function if task.wants_context else _behind_context(task.function)
    return heavy("hitl_jupyter.forms").parameters_form(function)


def _behind_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as if it took the context first, for a form that leaves the first parameter out."""

    @functools.wraps(function)
    def behind(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    own = inspect.signature(function)
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    first = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.POSITIONAL_ONLY]
    behind.__signature__ = own.replace(parameters=[context, *first])  # type: ignore[attr-defined]
    return behind


# -- finding tasks ---------------------------------------------------------------------------------------------------


def find_task(reference: str) -> Task[..., Any]:
    """The task of ``module:function``, or of a name that an entry point registers.

    Raises
    ------
    NotFound
        There is no such module, function or registered name; the sentence says which.
    """
    if ":" in reference:
        return _by_path(reference)
    for name, found in registered():
        if name == reference:
            if isinstance(found, Broken):
                raise found.error
            return found
    raise NotFound(
        f"No task named {reference!r} is registered here. Name it as 'module:function', or register it in the "
        f"entry-point group {ENTRY_POINTS!r} of an installed package."
    )


def _by_path(reference: str) -> Task[..., Any]:
    module, _, path = reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module + ".").startswith(error.name + "."):
            raise
        raise NotFound(f"There is no module {module!r} for {sys.executable}: check the name and sys.path.") from None
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise NotFound(f"The module {module!r} has no function {path!r}: check the name.")
    return as_task(found)


def tasks_of(module: Any) -> Iterator[Task[..., Any]]:
    """The tasks that a module defines, not those that it imports, in the order of their definition."""
    for found in vars(module).values():
        if isinstance(found, Task) and found.function.__module__ == module.__name__:
            yield found


class Broken:
    """A module with registered tasks that cannot be imported."""

    def __init__(self, module: str, error: BaseException) -> None:
        self.module = module
        self.error = error


def registered(modules: Sequence[str] = ()) -> Iterator[tuple[str, Task[..., Any] | Broken]]:
    """Every registered task under the name that starts it: of the entry points, then of these modules.

    What cannot be imported comes as such, so that one broken package does not hide the others.
    """
    for point in heavy("importlib.metadata").entry_points(group=ENTRY_POINTS):
        yield from _loaded(point.name, point.value.partition(":")[0].strip(), point.load)
    for name in modules:
        yield from _loaded(name, name, functools.partial(importlib.import_module, name))


def _loaded(name: str, module: str, load: Callable[[], Any]) -> Iterator[tuple[str, Task[..., Any] | Broken]]:
    try:
        found = load()
    except BaseException as error:  # a foreign module's import may raise anything
        yield name, Broken(module, error)
        return
    if inspect.ismodule(found):
        yield from ((f"{found.__name__}:{each.__name__}", each) for each in tasks_of(found))
    else:
        yield name, as_task(found)


def describe(modules: Sequence[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """What ``GET tasks`` lists: each registered task once, and the modules that could not be asked."""
    tasks: dict[str, dict[str, Any]] = {}
    problems: dict[str, dict[str, Any]] = {}
    for name, found in registered(modules):
        if isinstance(found, Broken):
            message = f"It cannot be imported: {type(found.error).__name__}: {found.error}. Correct it, or remove it."
            problems[found.module] = {"module": found.module, "message": _sendable(message)}
        elif name not in tasks:
            tasks[name] = _described(name, found)
    return {"tasks": list(tasks.values()), "problems": list(problems.values())}


def _described(name: str, found: Task[..., Any]) -> dict[str, Any]:
    """Name, title, doc, retries, and the form of the parameters, or why there can be none."""
    doc = _sendable(inspect.getdoc(found.function) or "")
    described = {"name": name, "title": _sendable(found.title), "doc": doc, "max_retries": found.max_retries}
    described["durable"] = found.durable
    try:
        form = parameters(found)
        whole = {**described, "schema": form.schema, "ui_schema": form.ui_schema}
        heavy("msgspec.msgpack").encode(whole)  # what cannot be sent, a number over 64 bits say, would end the worker
    except Exception as error:  # one task without a form must not hide the others
        return {**described, "error": _sendable(str(error))}
    return whole


def _sendable(text: str) -> str:
    """Without the half characters that no encoding has."""
    return text.encode("utf-8", "replace").decode()
