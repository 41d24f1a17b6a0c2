"""The plugin in a pytest of its own, found by its entry point, as in anybody's project."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

TASKS = """
import hitl_jupyter as hitl
import pytest


@hitl.task
def review(ctx):
    ctx.stream("looked at it")
    return ctx.confirm("Go on?", key="approve")
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project in an environment where this tree is installed."""
    entry_points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    site = pytester.mkdir("site")
    installed = site / "of_this_tree-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: of-this-tree\nVersion: 1\n")
    lines = [f"{name} = {module}" for name, module in entry_points.items()]
    (installed / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    path = [str(ROOT), str(site), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    monkeypatch.setenv("COLUMNS", "200")
    ours = [name for name in os.environ if name.startswith("PYTEST_XDIST")]  # this run's workers are not the project's
    for name in (*ours, "HITL_JUPYTER_URL", "HITL_JUPYTER_ASK", "HITL_JUPYTER_ANSWERS", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str, stdin: bytes = b"") -> pytest.RunResult:
    """Run pytest in the project; on its input is what is typed."""
    return project.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, stdin=stdin)


def test_every_snippet_of_the_document_runs_and_its_snapshot_is_written_and_compared(
    project: pytest.Pytester,
) -> None:
    document = (ROOT / "docs/testing.md").read_text()
    tests = project.makepyfile(test_snippets="\n\n".join(FENCE.findall(document)))
    count = tests.read_text().count("def test_")
    missing = run(project)
    missing.assert_outcomes(passed=count - 1, failed=1)
    missing.stdout.fnmatch_lines(["*1 snapshot failed*"])
    run(project, "--snapshot-update").assert_outcomes(passed=count)
    (written,) = project.path.glob("__snapshots__/*")
    kept = written.read_text()
    assert "? Send to ada@example.org?" in kept
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|\b1[6-9]\d{8}\b", kept), "no ids, no times"
    run(project).assert_outcomes(passed=count)
    written.write_text(kept.replace("step 3 of 3", "step three"))
    changed = run(project)
    changed.assert_outcomes(passed=count - 1, failed=1)
    changed.stdout.fnmatch_lines(["*step three*", "*step 3 of 3*"])


@pytest.mark.extended
def test_a_project_without_tasks_pays_for_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(
        conftest="""
        import sys


        def pytest_unconfigure():
            print("loaded", sorted(name for name in sys.modules if name.startswith("hitl_jupyter")))
        """,
        test_nothing="def test_nothing(): pass",
    )
    done = run(project, "-p", "no:terminal")
    loaded = re.findall(r"'([\w.]+)'", done.stdout.str())
    assert "hitl_jupyter.testing.pytest_plugin" in loaded
    assert set(loaded) <= {
        "hitl_jupyter",
        "hitl_jupyter.author",
        "hitl_jupyter.author.heavy",
        "hitl_jupyter.testing",
        "hitl_jupyter.testing.pytest_plugin",
        "hitl_jupyter.version",
    }


@pytest.mark.extended
def test_the_fixtures_are_listed_with_what_they_do(project: pytest.Pytester) -> None:
    done = run(project, "--fixtures")
    done.stdout.fnmatch_lines(["hitl_run *", "*scripted answers*", "hitl_clock *", "*hitl_clock.advance*"])


@pytest.mark.extended
def test_a_failed_test_shows_what_was_asked_and_no_frame_of_ours(project: pytest.Pytester) -> None:
    project.makepyfile(
        TASKS
        + """

def test_nobody_answers(hitl_run):
    hitl_run(review)


def test_the_task_fails(hitl_run):
    def failing(ctx):
        ctx.stream("begun")
        raise KeyError("column")

    hitl_run(failing).result()


def test_the_test_fails(hitl_run):
    assert hitl_run(review, answers={"approve": True}).result() == "yes"


def test_it_passes(hitl_run):
    assert hitl_run(review, answers={"approve": True}).result()
"""
    )
    done = run(project, "--tb=short")
    done.assert_outcomes(failed=3, passed=1)
    assert f"{ROOT}/hitl_jupyter" not in done.stdout.str()
    assert "hitl_jupyter/" not in done.stdout.str()
    done.stdout.fnmatch_lines(
        [
            "*_ test_nobody_answers _*",
            "E*NoAnswer: *Go on?*approve*",
            "*Captured hitl transcript call*",
            "looked at it",
            "[?] Go on?",
            "*_ test_the_task_fails _*",
            "E*KeyError: 'column'",
            "*Captured hitl transcript call*",
            "begun",
            "*_ test_the_test_fails _*",
            "E*assert True == 'yes'",
            "*Captured hitl transcript call*",
            "completed: true",
        ]
    )
    assert done.stdout.str().count("Captured hitl transcript") == 3


def test_answers_that_a_run_in_the_background_left_over_are_told_at_the_end(project: pytest.Pytester) -> None:
    project.makepyfile(
        TASKS
        + """

def test_it_was_not_waited_for(hitl_run):
    hitl_run.start(review, answers={"later": True}).wait_for_question()


def test_that_was_meant(hitl_run):
    hitl_run.start(review, answers={"later": True}, strict=False).wait_for_question()


def test_it_failed_anyway(hitl_run):
    hitl_run.start(review, answers={"later": True}).wait_for_question()
    assert False
"""
    )
    done = run(project)
    done.assert_outcomes(passed=2, failed=1, errors=1)
    done.stdout.fnmatch_lines(["*No question got these scripted answers: 'later' (never asked)*"])


@pytest.mark.extended
def test_it_is_at_home_under_xdist_and_in_async_tests(project: pytest.Pytester) -> None:
    project.makepyfile(
        TASKS
        + """

@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_awaited(hitl_run):
    assert await hitl_run.start(review, answers={"approve": True}) is True


@pytest.mark.parametrize("value", [True, False] * 4)
def test_blocking(hitl_run, value):
    assert hitl_run(review, answers={"approve": value}).result() is value
    assert len(hitl.sessions()) == 1
"""
    )
    run(project, "-n2").assert_outcomes(passed=9)


@pytest.mark.parametrize("captured", [True, False])
def test_a_breakpoint_in_a_task_is_talked_to(project: pytest.Pytester, captured: bool) -> None:
    project.makepyfile(
        """
        import pytest

        def blocking(ctx):
            value = 41
            breakpoint()
            value += 1
            return value

        async def awaiting(ctx):
            value = 41
            breakpoint()
            value += 1
            return value

        @pytest.mark.parametrize("task", [blocking, awaiting])
        def test_it(hitl_run, task):
            assert hitl_run(task).result() == 42
        """
    )
    typed = b"p 'value', value\nn\np 'then', value\nc\n" * 2
    done = run(project, *([] if captured else ["-s"]), stdin=typed)
    done.assert_outcomes(passed=2)
    assert done.stdout.str().count("('value', 41)") == done.stdout.str().count("('then', 42)") == 2


@pytest.mark.extended
def test_a_tracing_tool_sees_the_tasks_lines(project: pytest.Pytester) -> None:
    project.makepyfile(
        TASKS
        + """

import sys
import threading


def test_traced(hitl_run):
    seen = set()

    def trace(frame, event, argument):
        if frame.f_code.co_name == "review":
            seen.add(frame.f_lineno - frame.f_code.co_firstlineno)
        return trace

    threading.settrace(trace)
    try:
        for _ in range(3):
            assert hitl_run(review, answers={"approve": True}).result()
    finally:
        threading.settrace(None)
    assert {2, 3} <= seen
"""
    )
    run(project).assert_outcomes(passed=1)
