"""A session manager against a small model, by Hypothesis: in any order of questions, answers, deaths and restarts."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hitl_jupyter.link.messages import CancelRun, WorkerEvent
from hitl_jupyter.protocol import (
    DraftInput,
    RequestConfirmation,
    RequestUserInput,
    StartTask,
    Status,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
)
from tests.chaos.checker import RULES, violations
from tests.chaos.evidence import Evidence
from tests.chaos.history import History, Reader
from tests.chaos.people import Person, record_of
from tests.chaos.puppets import Theatre
from tests.chaos.races import TABS
from tests.chaos.rules_of_events import every_session_has_ended
from tests.engine.fakes import until

SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
MOST_RETRIES = 2
EVERY_RULE_BUT_THE_LAST_WORD = tuple(rule for rule in RULES if rule is not every_session_has_ended)

people = st.sampled_from(range(len(TABS)))
numbers = st.integers(0, 1000)


class Known:
    """What the model holds of one session."""

    def __init__(self, session_id: str, start: StartTask) -> None:
        self.session_id = session_id
        self.start = start
        self.ended: Status | None = None
        self.attempt = 1
        self.retries = 0
        self.lines = 1
        self.open: dict[str, WorkerEvent] = {}
        self.settled: dict[str, tuple[str, Any]] = {}
        self.won: list[tuple[dict[str, Any], dict[str, Any]]] = []
        """Answers that counted: the command, and what its caller was told."""

    @property
    def status(self) -> Status:
        """What the session's status has to be."""
        return self.ended or ("waiting" if self.open else "running")

    def close(self, outcome: str) -> None:
        """All open requests are settled, and nobody's value is given."""
        self.settled.update(dict.fromkeys(self.open, (outcome, None)))
        self.open.clear()


class ManagerMachine(RuleBasedStateMachine):
    """Each rule does one thing to the manager and to the model, and compares."""

    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.theatre = Theatre(self.folder)
        self.history = History()
        self.known: list[Known] = []
        self.readers: dict[tuple[str, int], Reader] = {}

    def person(self, number: int) -> Person:
        return Person(self.theatre.manager, self.history, TABS[number])

    # -- people ------------------------------------------------------------------------------------------------------

    @rule(target=sessions, person=people)
    def start(self, person: int) -> Known:
        key = self.history.next_key()
        start = StartTask(shipped=b"a task", title=key, idempotency_key=key)
        session_id = self.theatre.run(self.person(person).start(start))["session_id"]
        known = Known(session_id, start)
        self.known.append(known)
        self.theatre.run(self.theatre.arrived(session_id))
        return known

    @rule(known=sessions, person=people)
    def start_with_the_same_key(self, known: Known, person: int) -> None:
        reply = self.theatre.run(self.person(person).start(known.start))
        assert reply == {"session_id": known.session_id, "created": True}, "the reply of the first time, whole"

    @rule(known=sessions, number=numbers, person=people, yes=st.booleans())
    def answer(self, known: Known, number: int, person: int, yes: bool) -> None:
        requests = [*known.open, *known.settled]
        assume(requests)
        request_id = requests[number % len(requests)]
        command = self.command(known, request_id, yes)
        reply = self.theatre.run(self._answer(known, request_id, person, command))
        if request_id in known.open:
            self._settled(known, request_id, command, reply)
        else:
            outcome, value = known.settled[request_id]
            assert (reply["code"], reply["outcome"], reply["value"]) == ("already_settled", outcome, value)

    @rule(known=sessions, number=numbers, person=people)
    def repeat_an_answer_that_counted(self, known: Known, number: int, person: int) -> None:
        assume(known.won)
        command, told = known.won[number % len(known.won)]
        reply = self.theatre.run(self.person(person).answer(known.session_id, **command))
        assert {**reply, "seq": told.get("seq")} == {**told, "seq": told.get("seq")}

    @rule(known=sessions, number=numbers)
    def answer_in_the_wrong_kind(self, known: Known, number: int) -> None:
        forms = [request_id for request_id, request in known.open.items() if isinstance(request, RequestUserInput)]
        assume(forms)
        command = {"type": "confirm", "value": True, "request_id": forms[number % len(forms)]}
        assert self.theatre.run(self.person(0).answer(known.session_id, **command))["code"] == "malformed"

    @rule(known=sessions, word=st.text(max_size=3))
    def type_a_draft(self, known: Known, word: str) -> None:
        forms = [request_id for request_id, request in known.open.items() if isinstance(request, RequestUserInput)]
        assume(forms)
        draft = DraftInput(request_id=forms[0], values={"word": word})
        self.theatre.run(self.theatre.manager.save_draft(known.session_id, draft, TABS[0]))

    @rule(known=sessions, person=people)
    def cancel(self, known: Known, person: int) -> None:
        reply = self.theatre.run(self._cancel(known, person))
        if known.ended is None:
            known.close("cancelled")
            known.ended = "cancelled"
        else:
            assert reply["status"] == known.ended

    @rule(known=sessions, viewer=st.integers(0, 1))
    def view(self, known: Known, viewer: int) -> None:
        """Come back, and see all that is new."""
        name = (known.session_id, viewer)
        reader = self.readers.setdefault(name, Reader(f"viewer {viewer}", known.session_id, self.history))
        last = self.theatre.run(self.theatre.manager.snapshot(known.session_id, TABS[0])).last_seq
        self.theatre.run(self.person(0).watch(known.session_id, reader, last))
        assert reader.last == last

    # -- workers -----------------------------------------------------------------------------------------------------

    @rule(known=sessions, lines=st.integers(1, 5))
    def stream(self, known: Known, lines: int) -> None:
        puppet = self.theatre.puppets.get(known.session_id)
        assume(puppet)
        assert puppet is not None
        self.theatre.run(puppet.emit(*(Stream(content=f"line {number}") for number in range(lines))))
        known.lines += lines

    @rule(known=sessions, form=st.booleans(), key=st.sampled_from([None, "same"]))
    def ask(self, known: Known, form: bool, key: str | None) -> None:
        puppet = self.theatre.puppets.get(known.session_id)
        assume(puppet)
        assert puppet is not None
        facts: dict[str, Any] = {"request_id": uuid.uuid4().hex, "message": puppet.next_question(), "key": key}
        event = RequestUserInput(schema=SCHEMA, **facts) if form else RequestConfirmation(**facts)
        self.theatre.run(puppet.emit(event))
        for request_id, other in list(known.open.items()):
            if key is not None and getattr(other, "key", None) == key:
                del known.open[request_id]
                known.settled[request_id] = ("superseded", None)
        known.open[event.request_id] = event

    @rule(known=sessions)
    def complete(self, known: Known) -> None:
        puppet = self.theatre.puppets.pop(known.session_id, None)
        assume(puppet)
        assert puppet is not None
        puppet.note("ended")
        self.theatre.run(puppet.emit(TaskCompleted(values={"run": puppet.name})))
        self.theatre.run(puppet.end())
        known.close("cancelled")
        known.ended = "completed"

    @rule(known=sessions)
    def fail(self, known: Known) -> None:
        puppet = self.theatre.puppets.pop(known.session_id, None)
        assume(puppet)
        assert puppet is not None
        failed = TaskFailed(error="no", can_retry=True, max_retries=MOST_RETRIES, retries=known.retries)
        self.theatre.run(puppet.emit(failed))
        self.theatre.run(puppet.end())
        self._failed(known, may_retry=known.retries < MOST_RETRIES)

    @rule(known=sessions)
    def worker_dies(self, known: Known) -> None:
        puppet = self.theatre.puppets.pop(known.session_id, None)
        assume(puppet)
        assert puppet is not None
        self.theatre.run(puppet.end(-9))
        self.theatre.run(self._lost(known))
        self._failed(known, may_retry=True)

    # -- hosts -------------------------------------------------------------------------------------------------------

    @rule()
    def host_stops_and_starts(self) -> None:
        self.theatre.run(self.theatre.stop_and_start())

    @rule()
    def host_crashes_and_starts(self) -> None:
        self.theatre.run(self.theatre.crash_and_start())

    @rule(known=sessions)
    def worker_dies_while_the_host_is_away(self, known: Known) -> None:
        assume(known.session_id in self.theatre.puppets)
        self.theatre.run(self.theatre.stop_and_start(known.session_id))
        self._failed(known, may_retry=True)

    # -- what has to be ----------------------------------------------------------------------------------------------

    @invariant()
    def stands_as_the_model_says(self) -> None:
        for known in self.known:
            snapshot = self.theatre.run(self.theatre.manager.snapshot(known.session_id, TABS[0]))
            assert (snapshot.status, snapshot.attempt) == (known.status, known.attempt)
            assert {request.request_id for request in snapshot.open_requests} == set(known.open)
            assert (snapshot.streams, snapshot.retries) == (known.lines, known.retries)

    def teardown(self) -> None:
        try:
            assert violations(self.theatre.run(self._evidence()), EVERY_RULE_BUT_THE_LAST_WORD) == []
        finally:
            self.theatre.close()
            shutil.rmtree(self.folder)

    # -- how ---------------------------------------------------------------------------------------------------------

    def command(self, known: Known, request_id: str, yes: bool) -> dict[str, Any]:
        """An answer of the kind that the request wants, with words of its own."""
        key = self.history.next_key()
        named = {"request_id": request_id, "idempotency_key": key}
        request = known.open.get(request_id)
        if isinstance(request, RequestUserInput):
            return {"type": "user_input", "values": {"word": key}, **named}
        if isinstance(request, TaskFailed):
            return {"type": "retry", "value": yes, **named}
        return {"type": "confirm", "value": yes, "comment": key, **named}

    async def _answer(self, known: Known, request_id: str, person: int, command: dict[str, Any]) -> dict[str, Any]:
        request = known.open.get(request_id)
        answering = self.person(person).answer(known.session_id, **command)
        if request is None or isinstance(request, TaskFailed):
            return await answering
        assert isinstance(request, RequestConfirmation | RequestUserInput)
        return await self.theatre.puppets[known.session_id].while_it_listens(answering, request)

    def _settled(self, known: Known, request_id: str, command: dict[str, Any], reply: dict[str, Any]) -> None:
        request = known.open.pop(request_id)
        value = command["values"] if command["type"] == "user_input" else command["value"]
        assert (reply.get("outcome"), reply.get("value")) == ("answered", value)
        known.settled[request_id] = ("answered", value)
        known.won.append((command, reply))
        if isinstance(request, TaskFailed):
            if value:
                known.attempt, known.retries, known.lines = known.attempt + 1, known.retries + 1, known.lines + 1
                self.theatre.run(self.theatre.arrived(known.session_id))
            else:
                known.ended = "failed"

    def _failed(self, known: Known, *, may_retry: bool) -> None:
        known.close("cancelled")
        snapshot = self.theatre.run(self.theatre.manager.snapshot(known.session_id, TABS[0]))
        assert snapshot.error is not None
        if may_retry:
            assert snapshot.error.request_id is not None
            known.open[snapshot.error.request_id] = snapshot.error
        else:
            known.ended = "failed"

    async def _lost(self, known: Known) -> None:
        async with await self.theatre.manager.watch(known.session_id, TABS[0], tail=0) as viewer:
            async for _ in viewer:
                if (await self.theatre.manager.snapshot(known.session_id, TABS[0])).error is not None:
                    return

    async def _cancel(self, known: Known, person: int) -> dict[str, Any]:
        reply = await self.person(person).cancel(known.session_id)
        puppet = self.theatre.puppets.pop(known.session_id, None)
        if puppet is not None:
            await puppet.hear(CancelRun)
            await puppet.last_words(TaskCancelled())
            await until(self.theatre.manager, known.session_id, "cancelled")
        return reply

    async def _evidence(self) -> Evidence:
        records = [
            await record_of(self.theatre.manager, each.session_id, TABS[0], self.theatre.ledgers[each.session_id])
            for each in self.known
        ]
        return Evidence(records, self.history.ops, self.history.sightings)


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        ManagerMachine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.timeout(120)
def test_the_manager_does_what_the_model_does() -> None:
    run(examples=6, steps=20)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_the_manager_does_what_the_model_does_for_long() -> None:
    run(examples=1000, steps=50)
