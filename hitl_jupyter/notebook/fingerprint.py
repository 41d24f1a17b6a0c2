"""A digest of code and parameters that stays the same when a cell runs again, in this kernel or the next one.

A pickle will not do: cloudpickle writes down the file name of a cell (which has the kernel's process number in it),
line numbers, random class ids, and sets in the order of the hash seed. So functions and classes of the notebook are
digested by their structure (bytecode, constants, names, defaults, closures and the globals they use), sets in the
order of their members' digests, and only the rest by its pickle. What a worker imports is named, along with the digest
of its file as it now stands, for that is what the worker will run; installed packages and Python's own are only named.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import cloudpickle

_GLOBAL_OPS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})

CACHED: Any = type(functools.lru_cache(len))
"""What ``functools.lru_cache`` makes of a function. It pickles by its name alone, even one from a notebook."""

# What changes between two runs of one class statement, or repeats what stands elsewhere in the class.
_VOLATILE = frozenset(
    {
        "__dict__",
        "__weakref__",
        "__module__",
        "__firstlineno__",
        "__static_attributes__",
        "__abstractmethods__",
        "__signature__",
        "_abc_impl",
    }
)
_INSTALLED = tuple(sysconfig.get_paths()[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
_KEPT_OF_PYDANTIC = "__pydantic_fields__"


def fingerprint(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Hex SHA-256 of a call: the task's code and what it is called with.

    Examples
    --------
    >>> def train(rounds): return rounds
    >>> first = fingerprint(train, (3,), {})
    >>> def train(rounds): return rounds
    >>> first == fingerprint(train, (3,), {}), first == fingerprint(train, (4,), {})
    (True, False)
    """
    digester = _Digester()
    home = getattr(getattr(task, "function", task), "__module__", None)
    parts = ["call", digester.of(task), digester.source(home), *map(digester.of, args), "by name"]
    for name in sorted(kwargs):
        parts += [name, digester.of(kwargs[name])]
    return _joined(parts)


class _Digester:
    """Digests objects one by one; a function or class that leads back to itself is named by its number."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}
        self._alive: list[Any] = []  # ids are good only as long as their objects are
        self._sources: dict[str | None, str] = {}

    def of(self, value: Any) -> str:
        """The digest of any object; of its type alone where it cannot be pickled."""
        by_structure = self.structure(value)
        if by_structure is not None:
            return by_structure
        for fast in (True, False):
            sink = _Sink()
            pickler = _Pickler(sink, self)
            pickler.fast = fast  # without a memo equal values digest alike; cyclic ones need it
            try:
                pickler.dump(value)
            except Exception:  # whatever a foreign __reduce__ raises
                continue
            return sink.sha.hexdigest()
        return _joined(["unpicklable", type(value).__module__, type(value).__qualname__])

    def structure(self, value: Any) -> str | None:
        """The digest of what is not to be pickled; None for all else."""
        if isinstance(value, set | frozenset):
            return _joined([type(value).__name__, *sorted(map(self.of, value))])
        if isinstance(value, types.ModuleType):
            return _joined(["module", value.__name__])
        if isinstance(value, types.CodeType):
            return self._code(value)
        if isinstance(value, CACHED):
            return _joined(["cached", str(value.cache_parameters()), self.of(value.__wrapped__)])
        if isinstance(value, TypeVar):  # its pickle has a random number in it
            return _joined(["variable", repr(value), self.of(value.__bound__), self.of(value.__constraints__)])
        if not isinstance(value, types.FunctionType | type):
            return None
        if is_importable(value):
            return _joined(["named", value.__module__, value.__qualname__, self.source(value.__module__)])
        return self._once(value)

    def source(self, module: str | None) -> str:
        """The digest of a module's file, if it is the user's own; empty for all others."""
        if module not in self._sources:
            self._sources[module] = _own_source(module)
        return self._sources[module]

    def _once(self, value: types.FunctionType | type) -> str:
        known = self._known.get(id(value))
        if known is None:
            self._alive.append(value)
            self._known[id(value)] = f"number {len(self._known)}"
            known = self._function(value) if isinstance(value, types.FunctionType) else self._class(value)
            self._known[id(value)] = known
        return known

    def _function(self, function: types.FunctionType) -> str:
        code = function.__code__
        return _joined(
            [
                "function",
                function.__qualname__,
                self._code(code),
                self.of(function.__defaults__),
                self.of(sorted((function.__kwdefaults__ or {}).items())),
                self.of(sorted((name, str(kind)) for name, kind in _annotations(function).items())),
                *(self.of(kind) for _, kind in sorted(_annotations(function).items())),
                *(self._cell(cell) for cell in function.__closure__ or ()),
                *self._globals(code, function.__globals__),
            ]
        )

    def _code(self, code: types.CodeType) -> str:
        return _joined(
            [
                "code",
                code.co_name,
                code.co_code.hex(),
                str((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)),
                str((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)),
                code.co_exceptiontable.hex(),
                *(f"{type(constant).__name__} {self.of(constant)}" for constant in code.co_consts),
            ]
        )

    def _globals(self, code: types.CodeType, namespace: dict[str, Any]) -> Iterator[str]:
        for name in sorted(set(global_names(code))):
            if name in namespace:
                yield name
                yield self.of(namespace[name])

    def _cell(self, cell: types.CellType) -> str:
        try:
            return self.of(cell.cell_contents)
        except ValueError:
            return "empty"

    def _class(self, kind: type) -> str:
        parts = ["class", kind.__qualname__, *map(self.of, kind.__bases__)]
        for name, value in sorted(vars(kind).items()):
            if name in _VOLATILE or (name.startswith("__pydantic_") and name != _KEPT_OF_PYDANTIC):
                continue
            parts += [name, self._attribute(value)]
        return _joined(parts)

    def _attribute(self, value: Any) -> str:
        if isinstance(value, staticmethod | classmethod):
            return self.of(value.__func__)
        if isinstance(value, property):
            return _joined(["property", *map(self.of, (value.fget, value.fset, value.fdel))])
        return self.of(value)


class _Sink:
    """A file that keeps the digest of what is written to it."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.sha.update(data)
        return memoryview(data).nbytes


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles into a digest, putting digests in the place of what has a structure of its own."""

    def __init__(self, sink: _Sink, digester: _Digester) -> None:
        super().__init__(sink, protocol=5)
        self._digester = digester

    def persistent_id(self, value: Any) -> str | None:
        return self._digester.structure(value)


def global_names(code: types.CodeType) -> Iterator[str]:
    """The names of globals that a function's code, and the code within it, may touch."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _GLOBAL_OPS:
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from global_names(constant)


def is_importable(value: Any) -> bool:
    """Whether another process gets the very same object by import."""
    name: str | None = value.__module__
    if not name or name == "__main__" or "<locals>" in value.__qualname__:
        return False
    found: Any = sys.modules.get(name)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def _own_source(module: str | None) -> str:
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    if module == "__main__" or not isinstance(file, str) or file.startswith(_INSTALLED) or not file.endswith(".py"):
        return ""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return ""


def _annotations(function: types.FunctionType) -> dict[str, Any]:
    try:
        return dict(function.__annotations__)
    except Exception:  # a lazy annotation (Python 3.14) may name what does not exist
        return {}


def _joined(parts: Iterable[str]) -> str:
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()
