"""Pack a task of the notebook with its arguments, and say clearly what cannot be packed.

The pack is opaque to the server; only a worker opens it. It holds ``{"task": …, "args": …, "kwargs": …}``: functions
and classes of the notebook by value, those of installed modules by name. Its ``"sources"`` are the cells that they are
from, so that a traceback in the worker shows their lines.
"""

from __future__ import annotations

import functools
import inspect
import io
import linecache
import os
import types
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
from msgspec import Struct

from hitl_jupyter.errors import NotShippable, TooLarge
from hitl_jupyter.notebook.fingerprint import CACHED, fingerprint, global_names, is_importable

MIB = 1024 * 1024


class Parcel(Struct, frozen=True, kw_only=True):
    """A packed call, and the digest by which two of them are compared."""

    data: bytes
    fingerprint: str


class Part(Struct, frozen=True, kw_only=True):
    """Something that travels in a parcel, as its author calls it."""

    name: str
    value: Any


def pack(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Parcel:
    """Pack a call of ``task``.

    Raises
    ------
    NotShippable
        Something in it cannot be pickled; the sentence names it.

    Examples
    --------
    >>> import threading
    >>> pack(print, (), {"lock": threading.Lock()})
    Traceback (most recent call last):
    ...
    hitl_jupyter.errors.NotShippable: The argument `lock` (a lock) cannot be sent to a worker: cannot pickle \
'_thread.lock' object. Make it inside the task, or pass what it is made from.
    """
    try:
        data = dumps({"task": task, "args": args, "kwargs": kwargs, "sources": dict(_sources(task))})
    except Exception as error:  # whatever a foreign __reduce__ raises
        raise _not_shippable(task, args, kwargs, error) from error
    return Parcel(data=data, fingerprint=fingerprint(task, args, kwargs))


def dumps(value: Any) -> bytes:
    """Pickle by value what a worker cannot import."""
    sink = io.BytesIO()
    _Pickler(sink).dump(value)
    return sink.getvalue()


NAMELESS = "<dynamic-code>"
"""The file of code, once cloudpickle has dealt with it."""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Cloudpickle, but for a notebook's cached functions: those it would name, and no worker would find them.

    And for code, which it may rob of its file's name: by that a traceback finds the lines of a cell.
    """

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, types.CodeType) and value.co_filename != NAMELESS:
            named = functools.partial(types.CodeType.replace, co_filename=value.co_filename)
            return named, (value.replace(co_filename=NAMELESS),)
        if isinstance(value, CACHED) and not is_importable(value):
            return _cached, (value.__wrapped__, value.cache_parameters())
        return super().reducer_override(value)


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def check_size(size: int, allowed: int, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse a start that is over the server's limit on a body, naming what takes the most of it.

    Parameters
    ----------
    size, allowed : int
        Bytes: of the body, and of the limit.

    Raises
    ------
    TooLarge
        With ``limit``, ``allowed`` and ``size``.
    """
    if size <= allowed:
        return
    sizes = [(_pickled_size(part.value), part) for part in parts(task, args, kwargs)]
    largest, part = max(sizes, key=lambda each: each[0], default=(0, None))
    most = f" {part.name} takes {largest / MIB:.1f} MiB of it." if part is not None else ""
    raise TooLarge(
        f"The task and its arguments come to {size / MIB:.1f} MiB, over the server's {allowed / MIB:.1f}.{most} "
        "Save large data to a file and pass its path, or load it inside the task.",
        limit="max_body_bytes",
        allowed=allowed,
        size=size,
    )


def parts(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Part]:
    """What travels with a call: its arguments, and the values its functions bring along."""
    for name, value in _named_arguments(task, args, kwargs):
        yield Part(name=f"The argument `{name}`", value=value)
    function = inspect.unwrap(plain_function(task))
    if isinstance(function, types.FunctionType):
        yield from _brought_along(function, set())


def plain_function(task: Any) -> Callable[..., Any]:
    """The Python function of a task, or the callable itself."""
    function = getattr(task, "function", None) or task
    return function if callable(function) else type(function)


def _named_arguments(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for number, value in enumerate(args, 1):
        yield str(number), value
    yield from kwargs.items()


def _sources(task: Any) -> Iterator[tuple[str, str]]:
    """The name and text of the cells that the notebook's functions are from; files a worker finds by itself."""
    function = inspect.unwrap(plain_function(task))
    if isinstance(function, types.FunctionType):
        for name in {each.__code__.co_filename for each in _functions(function, set())}:
            if not os.path.exists(name) and (text := "".join(linecache.getlines(name))):
                yield name, text


def _functions(function: types.FunctionType, seen: set[int]) -> Iterator[types.FunctionType]:
    """A function of the notebook, and those of the notebook that it calls."""
    if id(function) in seen or function.__module__ != "__main__":
        return
    seen.add(id(function))
    yield function
    for _, _, value in _surroundings(function):
        inner = inspect.unwrap(plain_function(value)) if callable(value) else value
        if isinstance(inner, types.FunctionType):
            yield from _functions(inner, seen)


def _brought_along(function: types.FunctionType, seen: set[int]) -> Iterator[Part]:
    """Defaults, closures and globals of a function, and of the notebook's functions that it calls."""
    if id(function) in seen or function.__module__ != "__main__":
        return
    seen.add(id(function))
    for kind, name, value in _surroundings(function):
        inner = inspect.unwrap(plain_function(value)) if callable(value) else value
        if isinstance(inner, types.FunctionType):
            yield from _brought_along(inner, seen)
        else:
            yield Part(name=f"The {kind} `{name}`, which `{function.__name__}` uses,", value=value)


def _surroundings(function: types.FunctionType) -> Iterator[tuple[str, str, Any]]:
    used = set(global_names(function.__code__))
    for name in sorted(used & function.__globals__.keys()):
        yield "variable", name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if cell != types.CellType():
            yield "variable", name, cell.cell_contents
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not parameter.empty:
            yield "default", name, parameter.default


def _not_shippable(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> NotShippable:
    for part in parts(task, args, kwargs):
        reason = _why_not(part.value)
        if reason is not None:
            return NotShippable(
                f"{part.name} (a {type(part.value).__name__}) cannot be sent to a worker: {reason}. Make it inside "
                "the task, or pass what it is made from."
            )
    return NotShippable(
        f"The task cannot be sent to a worker: {_short(error)}. Put it in a module that the worker can import, or "
        "make what it uses inside it."
    )


def _why_not(value: Any) -> str | None:
    try:
        dumps(value)
    except Exception as error:  # whatever a foreign __reduce__ raises
        return _short(error)
    return None


def _short(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")


def _pickled_size(value: Any) -> int:
    try:
        return len(dumps(value))
    except Exception:  # whatever a foreign __reduce__ raises
        return 0
