"""Bad input: the exit code, a sentence with the next step on the standard error, and nothing changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.jupyter_process import jupyter
from tests.support.waiting import eventually
from tests.terminal.commands import TASKS, Commands

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

USAGE, REFUSED, NO_SERVER = 2, 3, 4
ABSENT = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["nothing"], USAGE, "No such command 'nothing'"),
        (["show"], USAGE, "Missing argument 'ID'"),
        (["show", "abc"], USAGE, "at least 4 characters"),
        (["show", "ffffffff"], REFUSED, "jupyter hitl list"),
        (["show", ABSENT], REFUSED, "not_found: There is no such session"),
        (["show", ABSENT, "--follow"], REFUSED, "not_found: There is no such session"),
        (["cancel", ABSENT], REFUSED, "not_found"),
        (["export", ABSENT], REFUSED, "not_found"),
        (["list", "--status", "asleep"], USAGE, "'asleep' is not one of"),
        (["list", "--limit", "0"], USAGE, "--limit"),
        (["start", "no_such_task"], REFUSED, "No registered task is called 'no_such_task'"),
        (["start", "count", "--param", "lines"], USAGE, "not NAME=VALUE"),
        (["start", "count", "--params", "no-such-file"], USAGE, "no JSON that can be read"),
        (["start", "count", "--params", "-"], USAGE, "no JSON that can be read"),
        (["start", "count", "--wait", "--follow"], USAGE, "give one of them"),
        (["answer", ABSENT, "--yes", "--value", "1"], USAGE, "two answers"),
        (["answer", ABSENT, "--value", "@no-such-file"], USAGE, "cannot be read"),
        (["list", "--token", "x"], USAGE, "--token-file"),
        (["list", "--token-file", "no-such-file"], USAGE, "cannot be read"),
        (["list", "--url", "http://localhost:1/?token=x"], USAGE, "--token-file"),
        (["list", "--url", "nonsense"], NO_SERVER, "http://localhost:8888/"),
        (["list", "--url", "http://127.0.0.1:9/"], NO_SERVER, "does not answer"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else None,
)
def test_bad_input_is_refused_with_the_next_step(hitl: Commands, command: list[str], code: int, said: str) -> None:
    done = hitl(*command)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("command", "code", "name"),
    [
        (["nothing"], USAGE, "usage"),
        (["show", ABSENT], REFUSED, "not_found"),
        (["list", "--url", "http://127.0.0.1:9/"], NO_SERVER, "no_server"),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else None,
)
def test_a_refusal_is_json_for_who_asks_for_json(hitl: Commands, command: list[str], code: int, name: str) -> None:
    done = hitl(*command, "--json")
    assert (done.code, done.out, done.refusal()["code"]) == (code, "", name)
    assert done.refusal()["message"]


def test_a_parameter_that_does_not_fit_is_told_at_its_name(hitl: Commands) -> None:
    before = len(hitl("list", "--json").json())
    done = hitl("start", "train", "-p", "rounds=0", "-p", "label=x")
    assert done.code == REFUSED
    assert done.err == (
        "invalid_values: Some fields are not valid. Correct them and send the form again.\n"
        "  rounds: This must be at least 1.\n"
    )
    assert hitl("start", "train", "--json").refusal()["errors"] == [
        {"field": "label", "message": "This field is required."}
    ]
    assert len(hitl("list", "--json").json()) == before


def test_values_that_are_not_valid_leave_the_question_open(hitl: Commands) -> None:
    session_id = hitl.start("order")
    asked = eventually(lambda: hitl.waiting(session_id), "it asks")
    for value, field in (('{"item": "", "count": 2}', "item"), ('{"item": "tea", "count": 99}', "count")):
        done = hitl("answer", session_id, "--value", value)
        assert done.code == REFUSED
        assert f"  {field}: " in done.err
    assert hitl("answer", session_id, "--value", "tea").code == REFUSED
    assert hitl("answer", session_id, "--yes").code == USAGE
    assert hitl("answer", session_id, "--value", "{}", "--reuse").code == USAGE
    assert hitl("answer", session_id, "--value", "{}", "--comment", "x").code == USAGE
    assert hitl.snapshot(session_id)["open_requests"] == asked["open_requests"]
    hitl("cancel", session_id)


def test_without_a_terminal_or_a_value_nobody_is_asked(hitl: Commands) -> None:
    session_id = hitl.start("sure")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    done = hitl("answer", session_id)
    assert done.code == USAGE
    assert "--yes or --no" in done.err
    hitl("cancel", session_id)


def test_a_secret_in_the_command_line_is_refused(hitl: Commands) -> None:
    session_id = hitl.start("log_in")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    done = hitl("answer", session_id, "--value", '{"user": "ada", "password": "pssst"}')
    assert done.code == USAGE
    assert "Leave --value out to be asked" in done.err
    assert "pssst" not in done.err
    assert hitl.waiting(session_id)
    started = hitl("start", "unlock", "--param", "password=pssst")
    assert (started.code, "--params -" in started.err, "pssst" in started.err) == (USAGE, True, False)
    hitl("cancel", session_id)


def test_an_answer_that_comes_too_late_says_who_was_first(hitl: Commands) -> None:
    session_id = hitl.start("order")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    assert hitl("answer", session_id, "--value", '{"item": "tea", "count": 2}').code == 0
    eventually(lambda: hitl.waiting(session_id), "it asks on")
    refusal = hitl("answer", session_id, "--key", "order", "--value", "{}", "--json")
    assert (refusal.code, refusal.refusal()["code"]) == (REFUSED, "already_settled")
    assert (refusal.refusal()["via"], refusal.refusal()["value"]["item"]) == ("cli", "tea")
    late = hitl("answer", session_id, "--key", "absent", "--yes")
    assert late.code == REFUSED
    assert "open is: '2 × tea?' (key sure)" in late.err
    hitl("cancel", session_id, "--force")
    eventually(lambda: hitl.ended(session_id), "it is cancelled")
    assert "No question is open" in hitl("answer", session_id, "--yes").err


def test_of_several_open_questions_one_has_to_be_named(hitl: Commands) -> None:
    session_id = hitl.start("ask_two")
    opened = eventually(lambda: hitl.waiting(session_id, 2), "it asks twice")["open_requests"]
    done = hitl("answer", session_id, "--yes")
    assert (done.code, "--key" in done.err) == (REFUSED, True)
    assert hitl("answer", session_id, "--yes", "--request", opened[1]["request_id"]).code == 0
    assert hitl("answer", session_id, "--yes", "--key", "first").code == 0
    assert eventually(lambda: hitl.ended(session_id), "it ends") == "completed"


def test_a_file_that_cannot_be_written_is_said(hitl: Commands, tmp_path: Path) -> None:
    session_id = hitl.start("count", lines=1)
    eventually(lambda: hitl.ended(session_id), "it ends")
    done = hitl("export", session_id, "-o", str(tmp_path / "no" / "such.json"))
    assert (done.code, "cannot be written" in done.err) == (USAGE, True)


def test_without_a_server_the_sentence_says_what_to_do(hitl: Commands, tmp_path: Path) -> None:
    done = hitl("list", environ={"JUPYTER_RUNTIME_DIR": str(tmp_path)})
    assert done.code == NO_SERVER
    assert done.err.startswith("no_server: No Jupyter server with hitl_jupyter runs here. Start one with `jupyter lab`")


def test_credentials_that_are_not_accepted_are_refused(hitl: Commands, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("wrong\n")
    done = hitl("list", "--url", hitl.server.url, "--token-file", str(tmp_path / "token"))
    assert (done.code, done.err.partition(":")[0]) == (REFUSED, "forbidden")
    assert hitl("list", "--url", hitl.server.url, "--token-file", "-", stdin=f"{hitl.server.token}\n").code == 0


def test_of_several_servers_one_has_to_be_named(hitl: Commands, tmp_path: Path) -> None:
    first = hitl.server
    with jupyter(tmp_path, kind="server") as second:
        assert second.process is not None
        published = second.runtime / f"hitl-{second.process.pid}.json"
        eventually(published.exists, "the second has published its address")
        beside = shutil.copy2(published, first.runtime)
        done = hitl("list")
        assert done.code == USAGE
        assert done.err.startswith("several_servers: 2 Jupyter servers run here: ")
        assert first.url in done.err
        assert second.url in done.err
        assert hitl("list", "--json").refusal()["servers"] == [second.url, first.url]
        assert hitl("list", "--url", second.url, "--json").json() == []
        assert hitl("list", environ={"HITL_JUPYTER_URL": f"{second.url}lab"}).err == "No sessions.\n"
        inside = {"JUPYTER_SERVER_URL": first.url}
        assert f"{TASKS}:" in hitl("tasks", environ=inside).out
        Path(beside).unlink()


def test_a_reader_that_leaves_is_no_fault(hitl: Commands) -> None:
    session_id = hitl.start("count", lines=20_000)
    eventually(lambda: hitl.ended(session_id), "it ends")
    showing = hitl.begin("export", session_id)
    assert showing.stdout is not None
    assert showing.stdout.readline() == "[\n"
    assert json.loads(showing.stdout.readline().rstrip(",\n"))["seq"] == 1
    showing.stdout.close()
    assert showing.stderr is not None
    with showing.stderr:
        assert showing.stderr.read() == ""
    assert showing.wait(40) == 0
