"""``display(...)`` and inline figures in a task, as they are in a notebook.

Nothing of IPython is imported for it. A finder waits for the task to import IPython, and only then makes a minimal
shell whose display publisher is ours; matplotlib's inline backend finds that shell as it finds the kernel's.
"""

from __future__ import annotations

import atexit
import builtins
import importlib.util
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from hitl_jupyter.author.evidence import bundle, describe, fit
from hitl_jupyter.author.heavy import heavy, loaded
from hitl_jupyter.projection import project
from hitl_jupyter.protocol import Display


class Displays:
    """Sends what the task displays.

    Parameters
    ----------
    emit : callable
        Gets the Display events.
    """

    def __init__(self, emit: Callable[[Display], None]) -> None:
        self._emit = emit
        self._cleared: int | None = None

    def install(self) -> None:
        """Provide ``display`` and ``get_ipython`` as a notebook's built-ins, and wait for IPython."""
        builtins.display = self._builtin_display  # type: ignore[attr-defined]  # as IPython does
        builtins.get_ipython = _get_ipython  # type: ignore[attr-defined]
        sys.meta_path.insert(0, _Finder("IPython", self._make_shell))

    def publish(
        self, data: dict[str, Any], metadata: dict[str, Any] | None = None, display_id: str | None = None
    ) -> None:
        """Send one display; with the id of an earlier one it replaces that."""
        if display_id is None and self._cleared is not None:
            # After clear_output() the displays that follow take the places of those before it.
            display_id = f"cleared-{self._cleared}"
            self._cleared += 1
        event = Display(data=fit([data])[0], display_id=display_id, timestamp=time.time())
        if metadata:
            event.metadata = project(metadata)
        self._emit(event)

    def clear(self) -> None:
        """What ``clear_output`` means in a stream that keeps everything: the next displays replace the last ones."""
        self._cleared = 0

    def show_open_figures(self) -> None:
        """Show the figures that the task left open, as the end of a cell does."""
        inline = loaded("matplotlib_inline.backend_inline")
        if inline is not None:
            inline.flush_figures()
            return
        if (pyplot := loaded("matplotlib.pyplot")) is not None:
            for number in pyplot.get_fignums():
                self.publish(bundle(pyplot.figure(number)))

    def _builtin_display(self, *values: Any, **options: Any) -> Any:
        """Until IPython is imported; importing it replaces this."""
        try:
            display = heavy("IPython.display").display
        except ModuleNotFoundError:
            for value in values:
                self.publish(*describe(value))
            return None
        return display(*values, **options)

    def _make_shell(self) -> None:
        make_shell(self)


def _get_ipython() -> Any:
    return heavy("IPython").get_ipython()


def make_shell(displays: Displays) -> Any:
    """A minimal InteractiveShell: no history, no profile in the home folder, no names put into ``__main__``."""
    shell_module, publisher_module = heavy("IPython.core.interactiveshell"), heavy("IPython.core.displaypub")

    class TaskPublisher(publisher_module.DisplayPublisher):  # type: ignore[misc,name-defined]  # a late base class
        def publish(self, data: Any, metadata: Any = None, *_: Any, transient: Any = None, **options: Any) -> None:
            displays.publish(data, metadata, (transient or {}).get("display_id"))

        def clear_output(self, wait: bool = False) -> None:
            displays.clear()

    class TaskShell(shell_module.InteractiveShell):  # type: ignore[misc,name-defined]  # a late base class
        def init_display_pub(self) -> None:
            self.display_pub = TaskPublisher(parent=self, shell=self)
            self.configurables.append(self.display_pub)

        def init_virtualenv(self) -> None:
            """The import path is the kernel's already."""

        def init_sys_modules(self) -> None:
            """``__main__`` holds the task's names."""

        def init_user_ns(self) -> None:
            """No input or output history is kept."""

    folder = tempfile.mkdtemp(prefix="hitl-ipython-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    config = heavy("traitlets.config").Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return TaskShell.instance(config=config, ipython_dir=folder, user_module=types.ModuleType("hitl_task_shell"))


class _Finder(MetaPathFinder):
    """Calls a function once, right after a package has been imported."""

    def __init__(self, package: str, then: Callable[[], None]) -> None:
        self._package = package
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._package:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Afterwards(spec.loader, self._then)
        return spec


class _Afterwards(Loader):
    def __init__(self, loader: Loader, then: Callable[[], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        self._then()
