"""Each command does what it says: in a pipe, and as JSON."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from tests.terminal.commands import TASKS, Commands

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

DONE, ENDED_BADLY, INTERRUPTED = 0, 1, 130


def test_jupyter_itself_knows_the_command(hitl: Commands) -> None:
    done = subprocess.run(
        ["jupyter", "hitl", "--version"], env=hitl.server.variables, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", done.stdout)


def test_the_help_names_every_command_and_every_exit_code(hitl: Commands) -> None:
    done = hitl("--help")
    assert done.code == DONE
    for name in ("tasks", "start", "list", "show", "answer", "cancel", "export"):
        assert re.search(rf"^  {name} ", done.out, re.MULTILINE)
        assert "Usage: jupyter hitl" in hitl(name, "--help").out
    for code in (0, 1, 2, 3, 4, 70, 130):
        assert re.search(rf"^ +{code} +\w", done.out, re.MULTILINE)


def test_the_help_loads_nothing_that_it_does_not_need(hitl: Commands) -> None:
    look = (
        "import sys; from hitl_jupyter.terminal.cli import run; run(['--help']); "
        "print([m for m in ('httpx', 'rich', 'msgspec', 'hitl_jupyter.notebook') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], env=hitl.server.variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_tasks_lists_parameters_with_types_and_defaults(hitl: Commands) -> None:
    out = hitl("tasks").out
    line = next(line for line in out.splitlines() if line.startswith(f"{TASKS}:train"))
    assert 'rounds: integer = 10, method: fast | exact = "fast", label: string' in line
    assert line.endswith("Learn, for a while.")


def test_tasks_as_json_has_the_schemas(hitl: Commands) -> None:
    tasks = {task["name"]: task for task in hitl("tasks", "--json").json()["tasks"]}
    assert tasks[f"{TASKS}:train"]["schema"]["required"] == ["label"]


def test_start_reads_parameters_by_their_types(hitl: Commands) -> None:
    done = hitl("start", "train", "--param", "label=007", "-p", "rounds=3", "-p", "method=exact", "--wait")
    assert (done.code, done.out) == (DONE, '"007"\n')


def test_start_takes_parameters_from_the_standard_input_and_the_command_line_wins(hitl: Commands) -> None:
    given = json.dumps({"label": "from stdin", "rounds": 2})
    done = hitl("start", "train", "--params", "-", "--param", "label=mine", "--wait", "--json", stdin=given)
    assert done.json()["values"] == "mine"
    assert done.json()["status"] == "completed"


def test_start_prints_the_id_alone(hitl: Commands) -> None:
    session_id = hitl("start", f"{TASKS}:sure", "--title", "Really").out.strip()
    assert hitl.snapshot(session_id)["session"]["title"] == "Really"
    assert hitl("cancel", session_id).code == DONE


def test_start_with_a_key_attaches_unless_it_is_to_be_fresh(hitl: Commands) -> None:
    first = hitl("start", "sure", "--key", "once", "--json").json()["session_id"]
    assert hitl("start", "sure", "--key", "once", "--json").json()["session_id"] == first
    hitl("cancel", first, "--force")
    eventually(lambda: hitl.ended(first), "it is cancelled")
    assert hitl("start", "count", "--key", "once", "--fresh", "--wait", "--json").json()["session_id"] != first


def test_start_and_follow_streams_the_lines(hitl: Commands) -> None:
    done = hitl("start", "count", "--param", "lines=3", "--follow")
    assert done.code == DONE
    assert done.out.splitlines() == ["hitl session 'Count'", "line 0", "line 1", "line 2", "completed: 3"]


def test_a_failure_that_was_waited_for_is_the_exit_code(hitl: Commands) -> None:
    done = hitl("start", f"{TASKS}:missing", "--wait")
    assert done.code == ENDED_BADLY
    assert "failed" in done.err


def test_list_has_whole_ids_in_a_pipe_and_what_is_waited_for(hitl: Commands) -> None:
    session_id = hitl.start("order")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    out = hitl("list", "--status", "waiting", "--task", f"{TASKS}:order", "--limit", "1").out
    head, row = out.splitlines()
    assert head.split() == ["id", "task", "title", "status", "age", "waits", "for"]
    assert row.startswith(f"{session_id}  {TASKS}:order  Order  waiting  ")
    assert row.endswith("  What may it be?")
    hitl("cancel", session_id)


def test_list_as_json_has_summaries(hitl: Commands) -> None:
    session_id = hitl("start", "count", "--wait", "--json").json()["session_id"]
    summary = next(each for each in hitl("list", "--json").json() if each["session_id"] == session_id)
    assert summary["status"] == "completed"
    assert summary["open_requests"] == []


def test_show_tells_how_a_session_stands_and_its_transcript(hitl: Commands) -> None:
    session_id = hitl.start("order")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    done = hitl("show", session_id[:8])
    assert done.code == DONE
    assert done.out.startswith("hitl session 'Order': waiting for 1 answer\n")
    assert f"jupyter hitl answer {session_id}\n" in done.out
    assert done.out.endswith("\ntaking an order\n? What may it be?\n")
    assert hitl("show", session_id, "--tail", "2").out.endswith("\n\n? What may it be?\n")
    assert hitl("show", session_id, "--json").json()["status"] == "waiting"
    hitl("cancel", session_id)


def test_show_and_follow_goes_on_to_the_end_and_its_code_says_how_it_ended(hitl: Commands) -> None:
    session_id = hitl.start("hold", lines=2)
    eventually(lambda: hitl.waiting(session_id), "it asks")
    following = hitl.begin("show", session_id, "--follow", "--json")
    assert following.stdout is not None
    first = json.loads(following.stdout.readline())
    assert (first["type"], first["seq"]) == ("status", 1)
    assert hitl("answer", session_id, "--yes").code == DONE
    events = [first, *map(json.loads, following.stdout)]  # communicate() would lose what readline has read ahead
    assert following.stderr is not None
    with following.stdout, following.stderr:
        assert following.wait(40) == DONE
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["content"] for event in events if event["type"] == "stream"] == ["line 0", "line 1"]


def test_an_interrupt_of_following_leaves_the_session_alone(hitl: Commands) -> None:
    session_id = hitl.start("sure")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    following = hitl.begin("show", session_id, "--follow")
    assert following.stdout is not None
    while following.stdout.readline() != "? Sure?\n":
        pass
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=40)
    assert following.returncode == INTERRUPTED
    assert "goes on" in err
    assert hitl.snapshot(session_id)["status"] == "waiting"
    hitl("cancel", session_id)


def test_following_a_session_that_is_cancelled_says_so_by_its_code(hitl: Commands) -> None:
    session_id = hitl.start("work")
    following = hitl.begin("show", session_id, "--follow")
    done = hitl("cancel", session_id, "--force", "--json")
    assert done.json()["status"] in ("cancelling", "cancelled")
    out, _ = following.communicate(timeout=40)
    assert following.returncode == ENDED_BADLY
    assert out.endswith("cancelled: user\n")


def test_an_answer_is_attributed_to_the_terminal(hitl: Commands) -> None:
    session_id = hitl.start("sure")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    settled = hitl("answer", session_id[:6], "--no", "--comment", "not today", "--json").json()
    assert (settled["outcome"], settled["value"], settled["via"]) == ("answered", False, "cli")
    assert settled["comment"] == "not today"


def test_a_form_is_answered_with_a_value_a_file_or_the_standard_input(hitl: Commands, tmp_path: Path) -> None:
    order = json.dumps({"item": "tea", "count": 2})
    (tmp_path / "order.json").write_text(order)
    for value, stdin in ((order, ""), ("-", order), (f"@{tmp_path / 'order.json'}", "")):
        session_id = hitl.start("order")
        eventually(lambda found=session_id: hitl.waiting(found), "it asks")  # type: ignore[misc]
        done = hitl("answer", session_id, "--key", "order", "--value", value, stdin=stdin)
        assert (done.code, done.out) == (DONE, '= {"count": 2, "item": "tea"}\n')
        hitl("cancel", session_id)


def test_a_secret_may_come_by_the_standard_input_and_is_shown_nowhere(hitl: Commands) -> None:
    session_id = hitl.start("log_in")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    done = hitl("answer", session_id, "--value", "-", stdin='{"user": "ada", "password": "pssst-7"}')
    assert done.code == DONE
    assert '"user": "ada"' in done.out
    eventually(lambda: hitl.ended(session_id), "it ends")
    exported = hitl("export", session_id)
    assert "pssst-7" not in exported.out + done.out + done.err + hitl.server.log


def test_a_retry_is_answered_by_its_key(hitl: Commands) -> None:
    session_id = hitl.start("flaky")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    settled = hitl("answer", session_id, "--key", "retry", "--yes", "--ask", "--json").json()
    assert (settled["value"], settled["answers"]) == (True, "ask")


def test_export_gives_the_events_the_transcript_and_documents(hitl: Commands, tmp_path: Path) -> None:
    session_id = hitl("start", "count", "-p", "lines=2", "--wait", "--json").json()["session_id"]
    events = hitl("export", session_id).json()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert hitl("export", session_id, "--format", "transcript").out == (
        "hitl session 'Count'\nline 0\nline 1\ncompleted: 2\n"
    )
    assert "```text\nhitl session 'Count'\nline 0\n" in hitl("export", session_id, "--format", "md").out
    page = tmp_path / "page.html"
    assert hitl("export", session_id, "--format", "html", "-o", str(page)).code == DONE
    assert "<pre>line 1</pre>" in page.read_text()
    assert list(tmp_path.iterdir()) == [page]
