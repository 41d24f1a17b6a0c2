"""A person at a terminal: prompts, errors at fields, secrets that are not shown, colours, and what is made inert."""

from __future__ import annotations

import re

import pexpect
import pytest

from tests.notebook.real_kernel import notebook_kernel
from tests.support.waiting import eventually
from tests.terminal.commands import Commands, to_the_end

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

DONE, REFUSED, INTERRUPTED = 0, 3, 130
ESCAPE = "\x1b"


def test_a_form_is_asked_field_by_field_and_a_refused_field_again(hitl: Commands) -> None:
    session_id = hitl.start("order")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    terminal = hitl.terminal("answer", session_id[:8])
    terminal.expect_exact("What may it be?")
    terminal.expect_exact("Item")
    terminal.sendline("tea")
    terminal.expect_exact("Count")
    terminal.sendline("many")
    terminal.expect_exact("Enter a whole number.")
    terminal.sendline("11")
    terminal.expect_exact("Colour")
    terminal.sendline("")
    terminal.expect_exact("at most 10")
    terminal.expect_exact("Count")
    terminal.sendline("2")
    terminal.expect_exact('= {"colour": "red", "count": 2, "item": "tea"}')
    assert to_the_end(terminal) == DONE
    assert eventually(lambda: hitl.waiting(session_id), "it asks on")["open_requests"][0]["message"] == "2 × tea?"
    hitl("cancel", session_id)


def test_a_secret_is_typed_unseen(hitl: Commands) -> None:
    session_id = hitl.start("log_in")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    terminal = hitl.terminal("answer", session_id)
    terminal.expect_exact("User")
    terminal.sendline("ada")
    terminal.expect_exact("Password")
    terminal.waitnoecho()
    terminal.sendline("pssst-9")
    terminal.expect(pexpect.EOF)
    assert "pssst-9" not in terminal.before
    assert "**********" in terminal.before
    assert to_the_end(terminal) == DONE
    assert eventually(lambda: hitl.ended(session_id), "it ends") == "completed"


def test_a_retry_is_asked_with_its_error(hitl: Commands) -> None:
    session_id = hitl.start("flaky")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    terminal = hitl.terminal("answer", session_id)
    terminal.expect_exact("ValueError: no luck")
    terminal.expect_exact("[y/n]")
    terminal.sendline("y")
    assert to_the_end(terminal) == DONE
    assert eventually(lambda: hitl.ended(session_id), "it ends") == "completed"


def test_of_several_open_questions_a_person_chooses(hitl: Commands) -> None:
    session_id = hitl.start("ask_two")
    eventually(lambda: hitl.waiting(session_id, 2), "it asks twice")
    terminal = hitl.terminal("answer", session_id)
    terminal.expect_exact("1  First?")
    terminal.expect_exact("2  Second?")
    terminal.sendline("3")
    terminal.expect_exact("from 1 to 2")
    terminal.sendline("2")
    terminal.expect_exact("[y/n]")
    terminal.sendline("yes")
    assert to_the_end(terminal) == DONE
    assert [request["message"] for request in hitl.snapshot(session_id)["open_requests"]] == ["First?"]
    hitl("cancel", session_id)


def test_who_was_slower_learns_who_was_first_and_when(hitl: Commands) -> None:
    session_id = hitl.start("sure")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    terminal = hitl.terminal("answer", session_id)
    terminal.expect_exact("[y/n]")
    assert hitl("answer", session_id, "--no").code == DONE
    terminal.sendline("y")
    terminal.expect(
        r"already_settled: Somebody else was first: no, by somebody \(cli\) at \d{4}-\d\d-\d\d [\d:]+ .*ago"
    )
    assert to_the_end(terminal) == REFUSED


@pytest.mark.parametrize("how", ["\x03", "\x04"], ids=["interrupt", "end of file"])
def test_leaving_a_prompt_answers_nothing(hitl: Commands, how: str) -> None:
    session_id = hitl.start("sure")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    terminal = hitl.terminal("answer", session_id)
    terminal.expect_exact("[y/n]")
    terminal.send(how)
    assert to_the_end(terminal) == INTERRUPTED
    assert hitl.waiting(session_id)
    hitl("cancel", session_id)


def test_a_notebooks_question_is_answered_from_a_terminal_while_its_cell_waits(hitl: Commands) -> None:
    code = """
        import hitl_jupyter as hitl
        def careful(ctx):
            return ctx.ask(int, "How many?", key="many") + 1
        session = hitl.start(careful, title="Careful")
        print("started", session.id, flush=True)
        print("got", session.result())
    """
    with notebook_kernel(hitl.server, "careful.ipynb") as kernel:
        request = kernel.begin(code)
        # A kernel that starts beside others takes its time; the list is asked over REST until then, which is quick.
        session_id = eventually(lambda: _waiting_for(hitl, "How many?"), "it waits", within=60)
        assert session_id in hitl("list", "--status", "waiting").out
        terminal = hitl.terminal("answer", session_id)
        terminal.expect_exact("How many?")
        terminal.sendline("41")
        assert to_the_end(terminal) == DONE
        assert "got 42" in kernel.output_of(request).text


def test_what_a_cell_itself_asks_is_answered_from_a_terminal(hitl: Commands) -> None:
    code = """
        import hitl_jupyter as hitl
        print("got", hitl.ask(int, "How few?") if hitl.confirm("Ask on?") else None)
    """
    with notebook_kernel(hitl.server, "asking.ipynb") as kernel:
        request = kernel.begin(code)
        confirmed = eventually(lambda: _waiting_for(hitl, "Ask on?"), "the cell asks", within=60)
        assert hitl("answer", confirmed, "--yes").code == DONE
        asked = eventually(lambda: _waiting_for(hitl, "How few?"), "the cell asks on", within=60)
        terminal = hitl.terminal("answer", asked)
        terminal.expect_exact("How few?")
        terminal.sendline("3")
        assert to_the_end(terminal) == DONE
        assert "got 3" in kernel.output_of(request).text


def _waiting_for(hitl: Commands, message: str) -> str | None:
    """The session that asks this."""
    sessions = hitl.server.request("GET", "hitl/sessions?status=waiting").json()["sessions"]
    asked = (
        (request["message"], session["session_id"]) for session in sessions for request in session["open_requests"]
    )
    return next((session_id for said, session_id in asked if said == message), None)


def test_a_cell_that_runs_the_command_finds_its_own_server(hitl: Commands) -> None:
    with notebook_kernel(hitl.server, "shell.ipynb") as kernel:
        assert f"{hitl.start('count')[:8]}" in kernel.run("!jupyter hitl list").text


def test_a_terminal_gets_short_ids_and_colours_unless_it_does_not_want_them(hitl: Commands) -> None:
    session_id = hitl.start("sure")
    eventually(lambda: hitl.waiting(session_id), "it asks")
    for environ, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        terminal = hitl.terminal("list", "--status", "waiting", environ=environ, columns=70)
        terminal.expect(pexpect.EOF)
        text = terminal.before
        assert ("\x1b[1;33mwaiting" in text) is coloured
        assert re.search(rf"(^|\n){session_id[:8]} ", text)
        assert session_id not in text
    assert ESCAPE not in hitl("list").out
    hitl("cancel", session_id)


def test_progress_is_a_bar_on_a_terminal_and_a_question_says_how_to_answer_it(hitl: Commands) -> None:
    terminal = hitl.terminal("start", "step_by_step", "--follow")
    terminal.expect(r"jupyter hitl answer (\w{8})")
    session_id = terminal.match[1]
    terminal.expect_exact("steps")
    terminal.expect_exact("1/3")
    assert hitl("answer", session_id, "--yes").code == DONE
    terminal.expect_exact("completed: null")
    assert to_the_end(terminal) == DONE


def test_what_a_task_writes_moves_no_cursor_and_sets_no_title(hitl: Commands) -> None:
    terminal = hitl.terminal("start", "shout", "--follow", environ={"NO_COLOR": "1"})
    terminal.expect_exact("plain")
    terminal.expect_exact("\\x07[bold]")
    terminal.expect(pexpect.EOF)
    assert "\x1b]0;" not in terminal.before
    assert "\x07" not in terminal.before
