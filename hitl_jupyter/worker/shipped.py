"""Tasks from a notebook: opened so that their names live in ``__main__``, here and in the processes a task starts.

In the notebook, the task's helpers and classes are in ``__main__``. Pickle (and so ``multiprocessing``) finds them
there by name, so they have to be in this process's ``__main__`` as well. A forked child inherits it. One that is
spawned runs the file that ``__main__.__file__`` names: ours is written when somebody asks for it, and fills the
child's ``__main__`` from a pickle.
"""

from __future__ import annotations

import atexit
import io
import linecache
import os
import pickle
import shutil
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

from hitl_jupyter.author.heavy import heavy
from hitl_jupyter.author.task import Task

_CHILD = """\
from hitl_jupyter.worker.shipped import restore
restore(globals(), {pickle!r})
"""


def open_shipped(data: bytes) -> dict[str, Any]:
    """The ``{"task", "args", "kwargs"}`` that a kernel shipped, with its names in a new ``__main__``.

    An optional ``"sources"`` (file name → text of a cell) makes tracebacks and ``inspect`` show the cell's lines.
    """
    main = fresh_main()
    shipped: dict[str, Any] = _load(io.BytesIO(data), vars(main))
    for name, text in (shipped.get("sources") or {}).items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    return shipped


def fresh_main(file: bool = True) -> types.ModuleType:
    """Replace the ``__main__`` of the start-up code by an empty one."""
    main = _Main("__main__") if file else types.ModuleType("__main__")
    vars(main)["__builtins__"] = sys.modules["builtins"]
    # The frames of the start-up code still run in the old one.
    vars(main)["__hitl_start__"] = sys.modules["__main__"]
    sys.modules["__main__"] = main
    return main


def restore(namespace: dict[str, Any], path: str) -> None:
    """In a spawned child: fill its ``__main__`` with the names of the task's, and have it print whole lines."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)
    with open(path, "rb") as file:
        namespace.update(_load(file, namespace))


class _Main(types.ModuleType):
    """A ``__main__`` whose file is written when it is asked for."""

    _folder: str | None = None
    _written: tuple[frozenset[tuple[str, int]], str] | None = None

    @property
    def __file__(self) -> str:  # type: ignore[override]  # computed here
        names = _own_names(vars(self))
        state = frozenset((name, id(value)) for name, value in names.items())
        if self._written is None or self._written[0] != state:
            self._written = (state, self._write(names))
        return self._written[1]

    def _write(self, names: dict[str, Any]) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="hitl-main-")
            atexit.register(_remove, self._folder, os.getpid())
        data, source = Path(self._folder, "names.pickle"), Path(self._folder, "notebook.py")
        data.write_bytes(_dump(names))
        source.write_text(_CHILD.format(pickle=str(data)))
        return str(source)


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _own_names(namespace: dict[str, Any]) -> dict[str, Any]:
    """The functions, classes and tasks that the notebook defined; what they refer to travels with them."""
    kinds = (types.FunctionType, type, Task)
    return {
        name: value
        for name, value in list(namespace.items())
        if isinstance(value, kinds) and getattr(value, "__module__", None) == "__main__"
    }


def _dump(names: dict[str, Any]) -> bytes:
    """All names in one pickle, so that what they share stays shared; without those that cannot be pickled."""
    dumps = heavy("cloudpickle").dumps
    try:
        return bytes(dumps(names))
    except Exception:  # a pickler of user classes may raise anything
        return bytes(dumps({name: value for name, value in names.items() if _picklable(dumps, value)}))


def _picklable(dumps: Any, value: Any) -> bool:
    try:
        dumps(value)
    except Exception:  # as above
        return False
    return True


def _load(file: Any, namespace: dict[str, Any]) -> Any:
    unpickler = _Unpickler(file, namespace)
    loaded = unpickler.load()
    unpickler.place_names()
    return loaded


class _Unpickler(pickle.Unpickler):
    """Opens a cloudpickle so that functions of ``__main__`` get the given namespace as their globals."""

    def __init__(self, file: Any, namespace: dict[str, Any]) -> None:
        super().__init__(file)
        self._namespace = namespace
        self._made: list[Any] = []

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        if module.partition(".")[0] != "cloudpickle":
            return found
        if name == "_make_function":
            return self._function_maker(found)
        return self._recording(found) if name in ("_make_skeleton_class", "_make_skeleton_enum") else found

    def _function_maker(self, make: Any) -> Any:
        def make_function(code: Any, globals: Any, *rest: Any) -> Any:
            if globals is not None and globals.get("__name__") == "__main__":
                globals = self._namespace
            made = make(code, globals, *rest)
            self._made.append(made)
            return made

        return make_function

    def _recording(self, make: Any) -> Any:
        def made(*arguments: Any) -> Any:
            self._made.append(make(*arguments))
            return self._made[-1]

        return made

    def place_names(self) -> None:
        """Put what the notebook defined at its top level under its own name."""
        for made in self._made:
            if made.__module__ == "__main__" and made.__qualname__.isidentifier():
                self._namespace.setdefault(made.__qualname__, made)
