"""A call is packed for its worker, or refused with the name of what does not travel."""

from __future__ import annotations

import linecache
import threading
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from hitl_jupyter.author.task import Task
from hitl_jupyter.errors import NotShippable, TooLarge
from hitl_jupyter.notebook.shipping import MIB, check_size, pack


def from_cell(source: str, **names: Any) -> Callable[..., Any]:
    """The function ``task`` of a cell that has these names around it."""
    namespace = {"__name__": "__main__", **names}
    exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)
    function: Callable[..., Any] = namespace["task"]
    return function


def test_a_parcel_holds_the_task_and_its_arguments() -> None:
    parcel = pack(Task(from_cell("def task(n): return helper(n)\ndef helper(n): return n + 1")), (2,), {"by": {3}})
    opened = cloudpickle.loads(parcel.data)
    assert opened["task"](2) == 3
    assert (opened["args"], opened["kwargs"]) == ((2,), {"by": {3}})


def test_the_cells_of_the_functions_travel_along_so_that_tracebacks_show_their_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = "def task(n): return helper(n)\ndef helper(n): return n / 0\n"
    monkeypatch.setitem(linecache.cache, "<cell>", (len(source), None, source.splitlines(keepends=True), "<cell>"))
    opened = cloudpickle.loads(pack(Task(from_cell(source)), (2,), {}).data)
    assert opened["sources"] == {"<cell>": source}


def test_a_cached_function_of_the_notebook_travels_by_value() -> None:
    source = "import functools\n@functools.lru_cache(maxsize=7)\ndef slow(n): return n + 1\ndef task(n): return slow(n)"
    opened = cloudpickle.loads(pack(from_cell(source), (), {}).data)
    assert opened["task"](2) == 3
    assert opened["task"].__globals__["slow"].cache_parameters()["maxsize"] == 7


def test_the_argument_that_cannot_travel_is_named() -> None:
    with pytest.raises(NotShippable, match=r"The argument `lock` \(a lock\)"):
        pack(from_cell("def task(lock): pass"), (), {"lock": threading.Lock()})


def test_an_argument_given_by_place_is_named_by_its_place() -> None:
    with pytest.raises(NotShippable, match="The argument `2`"):
        pack(from_cell("def task(a, b): pass"), (1, threading.Lock()), {})


def test_the_notebooks_variable_that_cannot_travel_is_named() -> None:
    task = from_cell("def task(): return helper()\ndef helper(): return connection", connection=threading.Lock())
    with pytest.raises(NotShippable, match="The variable `connection`, which `helper` uses"):
        pack(Task(task), (), {})


def test_a_closure_that_cannot_travel_is_named() -> None:
    source = "def outer(lock):\n    def task(): return lock\n    return task\ntask = outer(given)"
    with pytest.raises(NotShippable, match="The variable `lock`"):
        pack(from_cell(source, given=threading.Lock()), (), {})


def test_a_default_that_cannot_travel_is_named() -> None:
    with pytest.raises(NotShippable, match="The default `lock`"):
        pack(from_cell("def task(lock=given): pass", given=threading.Lock()), (), {})


def test_a_refusal_ends_in_the_next_step() -> None:
    with pytest.raises(NotShippable, match=r"Make it inside the task, or pass what it is made from\.$"):
        pack(print, (threading.Lock(),), {})


def test_what_is_too_large_is_named_with_its_size_and_a_way_out() -> None:
    with pytest.raises(TooLarge, match=r"20\.0 MiB, over the server's 10\.0.*`frame` takes 2\.0 MiB.*path") as caught:
        check_size(20 * MIB, 10 * MIB, print, (), {"small": 1, "frame": bytes(2 * MIB)})
    assert caught.value.details == {"limit": "max_body_bytes", "allowed": 10 * MIB, "size": 20 * MIB}


def test_what_is_within_the_limit_passes() -> None:
    check_size(10 * MIB, 10 * MIB, print, (), {})
