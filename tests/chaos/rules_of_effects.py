"""Rules about effects: the task's own ledger and the journal tell one story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos.evidence import Event, Evidence, Record
from tests.chaos.ledger import Line

GIVEN = ("answered", "defaulted")
"""Outcomes that give a task a value."""


def user_code_runs_once_an_attempt(evidence: Evidence) -> Iterator[str]:
    """There are no more runs than attempts; each run is of one attempt, and each attempt of one run at most."""
    for record in evidence.sessions.values():
        began = [line.run for line in record.ledger if line.effect == "began"]
        if len(began) > record.snapshot.attempt or len(set(began)) < len(began):
            yield f"{record.session_id}: {len(began)} runs in {record.snapshot.attempt} attempts"
        attempts = Counter(attempt for found in record.attempt_of_run.values() for attempt in found)
        for attempt, runs in attempts.items():
            if runs > 1:
                yield f"{record.session_id}: attempt {attempt} was run {runs} times"
        for run in record.attempt_of_run.keys() - set(began):
            yield f"{record.session_id}: run {run} is in no ledger"


def a_task_gets_each_answer_once(evidence: Evidence) -> Iterator[str]:
    """No question is answered to the task twice."""
    for record in evidence.sessions.values():
        told = Counter(line.question for line in _answers(record))
        for question, times in told.items():
            if times > 1:
                yield f"{record.session_id}: the task was told the answer to {question} {times} times"


def a_task_gets_the_answer_that_was_given(evidence: Evidence) -> Iterator[str]:
    """What the task was told is what the journal says; a question not asked again has an earlier attempt's answer."""
    for record in evidence.sessions.values():
        asked = {event["message"]: event for event in record.requests.values() if "message" in event}
        for line in _answers(record):
            if (request := asked.get(line.question)) is not None:
                given = _given(record, request)
                if given is None or given["value"] != line.value:
                    yield f"{record.session_id}: the task was told {line}, the journal says {given}"
            elif not _answered_before(record, line):
                yield f"{record.session_id}: the task was told {line}, and nobody ever said so"


def a_completed_attempt_got_all_its_answers(evidence: Evidence) -> Iterator[str]:
    """Each answer of an attempt that completed is in its ledger, exactly once."""
    for record in evidence.sessions.values():
        told = Counter(line.question for line in _answers(record))
        completed = {event["attempt"] for event in record.of_type("task_completed")}
        for request in record.requests.values():
            wanted = request["attempt"] in completed and "message" in request and _given(record, request) is not None
            if wanted and told[request["message"]] != 1:
                yield f"{record.session_id}: {request['message']} was told {told[request['message']]} times"


def a_completed_attempt_came_to_its_end(evidence: Evidence) -> Iterator[str]:
    """The run whose result the journal has is one that ended, by its own account."""
    for record in evidence.sessions.values():
        ended = {line.run for line in record.ledger if line.effect == "ended"}
        for event in record.of_type("task_completed"):
            run = (event.get("values") or {}).get("run")
            if run not in ended or record.attempt_of_run.get(run) != {event["attempt"]}:
                yield f"{record.session_id}: attempt {event['attempt']} completed as run {run}; ended are {ended}"


def _answers(record: Record) -> list[Line]:
    return [line for line in record.ledger if line.effect == "answered"]


def _given(record: Record, request: Event) -> Event | None:
    resolutions = record.resolutions.get(request["request_id"], [])
    return next((each for each in resolutions if each["outcome"] in GIVEN), None)


def _answered_before(record: Record, line: Line) -> bool:
    requests = [request for request in record.requests.values() if request.get("key") == line.key]
    given = [_given(record, request) for request in requests]
    return any(each is not None and each["value"] == line.value for each in given)
