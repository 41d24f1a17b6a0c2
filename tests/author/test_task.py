"""``@task``: what it keeps of the function, and how tasks travel and are found."""

from __future__ import annotations

import inspect
import pickle
import sys
import textwrap
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import cloudpickle
import msgspec
import pytest

from hitl_jupyter.author import task as tasks
from hitl_jupyter.author.context import Context
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.author.task import Task, as_task, describe, find_task, parameters, task
from hitl_jupyter.errors import InvalidValues, NotFound


@task(max_retries=2, title="Add up")
def add(ctx: SyncContext, a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@task
async def later(context: Context) -> None:
    """Nothing yet."""


def test_a_task_is_still_its_function() -> None:
    assert add(None, 2, b=3) == 5  # type: ignore[arg-type]
    assert (add.__name__, add.__doc__) == ("add", "Add two numbers.")
    assert list(inspect.signature(add).parameters) == ["ctx", "a", "b"]
    assert (add.title, add.name, add.max_retries, add.is_async) == ("Add up", "add", 2, False)
    assert (later.title, later.max_retries, later.is_async) == ("Later", 0, True)


@pytest.mark.parametrize(
    ("name", "title"),
    [("clean_data", "Clean data"), ("fit_PCA", "Fit PCA"), ("_step", "Step"), ("__", "__"), ("été", "Été")],
)
def test_a_task_without_a_title_has_its_name_as_one(name: str, title: str) -> None:
    assert task(name=name)(lambda ctx: None).title == title


def test_an_authors_title_stays_as_it_is() -> None:
    assert task(title="iPhone_sales")(lambda ctx: None).title == "iPhone_sales"


def test_the_context_is_wanted_by_name_or_by_annotation() -> None:
    def by_text(c: Context) -> None: ...
    def qualified(c: hitl.SyncContext) -> None: ...  # type: ignore[name-defined]  # noqa: F821
    def plain(a: int) -> None: ...
    def nothing() -> None: ...

    wanted = [as_task(f).wants_context for f in (add, later, by_text, qualified, plain, nothing)]
    assert wanted == [True, True, True, True, False, False]


def test_an_importable_task_travels_by_name_and_one_from_a_notebook_by_value() -> None:
    assert pickle.loads(pickle.dumps(add)) is add
    namespace: dict[str, Any] = {"__name__": "__main__", "task": task}
    exec("@task(max_retries=3, name='n')\ndef cell_task(ctx, x):\n    return x * FACTOR\nFACTOR = 5", namespace)
    copied = pickle.loads(cloudpickle.dumps(namespace["cell_task"]))
    assert copied is not namespace["cell_task"]
    assert (copied.max_retries, copied.name, copied(None, 2)) == (3, "n", 10)


def test_parameters_are_checked_with_and_without_a_context() -> None:
    assert parameters(add).check({"a": "4"}) == {"a": 4}
    with pytest.raises(InvalidValues):
        parameters(add).check({"a": "four"})
    assert parameters(as_task(lambda first, second=2: None)).check({"first": 1}) == {"first": 1}
    assert (add.needs_parameters, later.needs_parameters) == (True, False)


def test_a_task_is_found_by_module_and_name() -> None:
    assert find_task("hitl_jupyter.demo:simulate_streaming").name == "simulate_streaming"
    assert find_task("textwrap:dedent").function is __import__("textwrap").dedent
    with pytest.raises(NotFound, match="no module"):
        find_task("no_such_module:f")
    with pytest.raises(NotFound, match="no function"):
        find_task("textwrap:no_such")
    with pytest.raises(NotFound, match="registered"):
        find_task("no such name")


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three entry points: a task, a module with one, and a package that cannot be imported."""
    module = types.ModuleType("tasks_of_a_package")
    exec(
        "from hitl_jupyter.author.task import task\nfrom hitl_jupyter.demo import long_running_task\n"
        "@task\ndef own(ctx, n: int):\n    'Own.'\n",
        module.__dict__,
    )
    monkeypatch.setitem(sys.modules, "tasks_of_a_package", module)
    points = [
        EntryPoint("named", "hitl_jupyter.demo:simulate_streaming", tasks.ENTRY_POINTS),
        EntryPoint("module", "tasks_of_a_package", tasks.ENTRY_POINTS),
        EntryPoint("broken", "no_such_module:f", tasks.ENTRY_POINTS),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)


@pytest.mark.usefixtures("entry_points")
def test_registered_tasks_are_listed_once_with_their_form_and_broken_modules_with_their_error() -> None:
    described = describe(["tasks_of_a_package", "another_broken_one"])
    listed = {entry["name"]: entry for entry in described["tasks"]}
    assert [entry["name"] for entry in described["tasks"]] == ["named", "tasks_of_a_package:own"]
    assert listed["named"]["ui_schema"]["ui:order"] == ["lines", "line_seconds"]
    assert listed["named"]["schema"]["properties"]["lines"]["description"] == "How many lines to stream."
    assert set(listed["named"]["schema"]["properties"]) == {"lines", "line_seconds"}
    assert listed["tasks_of_a_package:own"]["schema"]["required"] == ["n"]
    assert listed["tasks_of_a_package:own"]["doc"] == "Own."
    assert [problem["module"] for problem in described["problems"]] == ["no_such_module", "another_broken_one"]
    assert all("ModuleNotFoundError" in problem["message"] for problem in described["problems"])


def test_a_task_whose_form_cannot_be_sent_says_so_and_the_others_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
        import hitl_jupyter as hitl

        @hitl.task
        def check(ctx, modulus: int = 2**127 - 1):
            "Half a character: \\ud800."

        @hitl.task
        def fine(ctx, n: int): pass
    """
    (tmp_path / "tasks_of_large_numbers.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    described = describe(["tasks_of_large_numbers"])
    listed = {entry["name"].partition(":")[2]: entry for entry in described["tasks"]}
    assert "serialize ints" in listed["check"]["error"]
    assert listed["check"]["doc"] == "Half a character: ?."
    assert listed["fine"]["schema"]["required"] == ["n"]
    msgspec.msgpack.encode(described)


def test_a_module_that_skips_a_test_when_it_is_imported_does_not_take_the_list_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tasks_that_skip.py").write_text("import pytest; pytest.skip('x', allow_module_level=True)\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert [problem["module"] for problem in describe(["tasks_that_skip"])["problems"]] == ["tasks_that_skip"]


def test_a_module_that_leaves_when_it_is_imported_does_not_take_the_list_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tasks_that_leave.py").write_text("raise SystemExit('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    described = describe(["tasks_that_leave", "hitl_jupyter.demo"])
    assert "SystemExit: no licence" in described["problems"][0]["message"]
    assert "hitl_jupyter.demo:simulate_streaming" in [entry["name"] for entry in described["tasks"]]


@pytest.mark.usefixtures("entry_points")
def test_a_registered_name_starts_its_task() -> None:
    assert isinstance(find_task("named"), Task)
    with pytest.raises(ModuleNotFoundError):
        find_task("broken")


def test_a_builtin_that_tells_nothing_of_itself_is_a_task_without_a_context() -> None:
    assert not as_task(max).wants_context
