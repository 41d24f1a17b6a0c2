"""Each rule of the checker finds the fault it is for: a check that cannot fail is worth nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hitl_jupyter.snapshot import Snapshot
from tests.chaos import rules_of_commands as commands
from tests.chaos import rules_of_effects as effects
from tests.chaos import rules_of_events as events
from tests.chaos.checker import RULES, Rule, violations
from tests.chaos.evidence import Evidence
from tests.chaos.ledger import Line
from tests.chaos.stories import (
    answered,
    changed,
    ledger,
    numbered,
    op,
    record,
    saw,
    sound,
    started,
    with_event,
    without,
)

LATE = {"type": "stream", "content": "late"}
FAILED = {"type": "task_failed", "error": "no"}
RESOLVED_AGAIN = {"type": "request_resolved", "request_id": "q1", "outcome": "answered", "value": False}
WORD = {"type": "request_resolved", "request_id": "q9", "outcome": "answered", "value": {"word": "w"}}
TOLD_NO = Line(run="r1", effect="answered", question="r1.1", key="k", value=False)
TOLD_UNASKED = Line(run="r1", effect="answered", question="r1.2", key="k2", value=True)
SECOND_RUN = Line(run="r2", effect="began")

BAD: list[tuple[str, Rule, Callable[[], Evidence]]] = [
    (
        "a number is missing",
        events.numbers_have_no_gap,
        lambda: Evidence([record(lambda story: [event for event in story if event["seq"] != 3])]),
    ),
    (
        "what was seen is gone",
        events.what_was_seen_is_in_the_journal,
        lambda: Evidence([record(lambda story: story[:8])], sightings=[saw(9)]),
    ),
    (
        "what was seen has changed",
        events.what_was_seen_is_in_the_journal,
        lambda: Evidence([record(changed(3, content="run r2"))], sightings=[saw(3)]),
    ),
    (
        "what was seen is of a session that is gone",
        events.what_was_seen_is_in_the_journal,
        lambda: Evidence([], sightings=[saw(1)]),
    ),
    (
        "two readers got other bytes for one number",
        events.one_number_means_one_thing,
        lambda: Evidence([record()], sightings=[saw(3), saw(3, digest="other", reader="second")]),
    ),
    (
        "a reader missed a number",
        events.readers_get_each_number_once_in_order,
        lambda: Evidence([record()], sightings=[saw(1, fresh=True), saw(3)]),
    ),
    (
        "a reader missed a number while it was away",
        events.readers_get_each_number_once_in_order,
        lambda: Evidence([record()], sightings=[saw(1, fresh=True), saw(3, fresh=True)]),
    ),
    (
        "a reader got a number twice",
        events.readers_get_each_number_once_in_order,
        lambda: Evidence([record()], sightings=[saw(1, fresh=True), saw(2), saw(2, fresh=True)]),
    ),
    ("an attempt has two endings", events.an_attempt_ends_once, lambda: Evidence([record(with_event(8, FAILED))])),
    ("an ended session has no ending", events.an_attempt_ends_once, lambda: Evidence([record(without(8))])),
    (
        "a line comes after the ending",
        events.nothing_comes_after_an_ending,
        lambda: Evidence([record(with_event(9, LATE))]),
    ),
    (
        "a session is completed and then runs",
        events.statuses_follow_the_table,
        lambda: Evidence([record(with_event(9, {"type": "status", "status": "running"}))]),
    ),
    (
        "the snapshot has another status",
        events.statuses_follow_the_table,
        lambda: Evidence([record(snapshot=Snapshot(status="failed"))]),
    ),
    (
        "the snapshot is another",
        events.a_snapshot_is_the_fold_of_its_events,
        lambda: Evidence([record(snapshot=Snapshot(status="completed"))]),
    ),
    (
        "a session waits for ever",
        events.every_session_has_ended,
        lambda: Evidence([record(lambda story: story[:5])]),
    ),
    (
        "an acknowledged session is gone",
        commands.acknowledged_starts_are_there,
        lambda: Evidence([record()], [started(session_id="gone")]),
    ),
    (
        "one key started two sessions",
        commands.one_key_starts_one_session,
        lambda: Evidence([record(), record(session_id="second")], [started()]),
    ),
    (
        "one key gave two sessions to its callers",
        commands.one_key_starts_one_session,
        lambda: Evidence([record()], [started(), started(session_id="second")]),
    ),
    (
        "a refused start started something",
        commands.one_key_starts_one_session,
        lambda: Evidence([record()], [started("fail")]),
    ),
    (
        "an acknowledged answer is gone",
        commands.acknowledged_answers_stand,
        lambda: Evidence([record(without(6))], [answered()]),
    ),
    (
        "an acknowledged answer has changed",
        commands.acknowledged_answers_stand,
        lambda: Evidence([record()], [answered(value=False)]),
    ),
    (
        "a request is settled twice",
        commands.a_request_is_settled_once,
        lambda: Evidence([record(with_event(6, RESOLVED_AGAIN))]),
    ),
    (
        "two were told to have won",
        commands.a_request_is_settled_once,
        lambda: Evidence([record()], [answered(), answered(key="key-3")]),
    ),
    (
        "a loser is told another winner",
        commands.losers_learn_who_when_and_what,
        lambda: Evidence([record()], [answered("fail", by="Bob")]),
    ),
    (
        "a loser is told of a winner whom the journal does not know",
        commands.losers_learn_who_when_and_what,
        lambda: Evidence([record(without(6))], [answered("fail")]),
    ),
    (
        "a refused form counts",
        commands.refused_answers_have_no_effect,
        lambda: Evidence([record(with_event(6, WORD))], [answered("fail", asked={"values": {"word": "w"}})]),
    ),
    (
        "a refused confirmation counts",
        commands.refused_answers_have_no_effect,
        lambda: Evidence([record(changed(6, comment="w"))], [answered("fail", asked={"comment": "w"})]),
    ),
    (
        "one key came to two outcomes",
        commands.one_key_has_one_outcome,
        lambda: Evidence([record()], [answered(), answered(at=6.0)]),
    ),
    (
        "a later read sees less",
        commands.reads_never_go_back,
        lambda: Evidence(
            [record()],
            [
                op("read", "ok", {}, {"last_seq": 9}),
                op("read", "ok", {}, {"last_seq": 3}, invoked=3.0, ended=4.0),
            ],
        ),
    ),
    (
        "user code was run again",
        effects.user_code_runs_once_an_attempt,
        lambda: Evidence([record(lines=[*ledger(), SECOND_RUN])]),
    ),
    (
        "two runs speak for one attempt",
        effects.user_code_runs_once_an_attempt,
        lambda: Evidence([record(with_event(3, {"type": "stream", "content": "run r2"}))]),
    ),
    (
        "a run is in no ledger",
        effects.user_code_runs_once_an_attempt,
        lambda: Evidence([record(lines=[])]),
    ),
    (
        "the task was told an answer twice",
        effects.a_task_gets_each_answer_once,
        lambda: Evidence([record(lines=[*ledger(), ledger()[1]])]),
    ),
    (
        "the task was told another answer",
        effects.a_task_gets_the_answer_that_was_given,
        lambda: Evidence([record(lines=[TOLD_NO])]),
    ),
    (
        "the task was told an answer that nobody gave",
        effects.a_task_gets_the_answer_that_was_given,
        lambda: Evidence([record(without(6))]),
    ),
    (
        "the task was told the answer to what it never asked",
        effects.a_task_gets_the_answer_that_was_given,
        lambda: Evidence([record(lines=[*ledger(), TOLD_UNASKED])]),
    ),
    (
        "a completed task was never told an answer",
        effects.a_completed_attempt_got_all_its_answers,
        lambda: Evidence([record(lines=[ledger()[0], ledger()[2]])]),
    ),
    (
        "a task that did not end is completed",
        effects.a_completed_attempt_came_to_its_end,
        lambda: Evidence([record(lines=ledger()[:2])]),
    ),
    (
        "a run completed in another's name",
        effects.a_completed_attempt_came_to_its_end,
        lambda: Evidence([record(changed(8, values={"run": "r2"}))]),
    ),
]


def test_the_sound_story_breaks_no_rule() -> None:
    assert violations(sound()) == []


@pytest.mark.parametrize(("rule", "evidence"), [(rule, make) for _, rule, make in BAD], ids=[name for name, *_ in BAD])
def test_a_rule_finds_the_fault_it_is_for(rule: Rule, evidence: Callable[[], Evidence]) -> None:
    assert violations(evidence(), (rule,))


def test_every_rule_has_a_story_that_breaks_it() -> None:
    assert {rule for _, rule, _ in BAD} == set(RULES)


def test_a_session_cancelled_while_it_waits_for_a_retry_has_ended_its_attempt_once() -> None:
    story = numbered(
        [
            {"type": "status", "status": "queued", "session": {"task": "t", "title": "key-1", "owner": "ada"}},
            {"type": "status", "status": "running"},
            {**FAILED, "request_id": "again"},
            {"type": "status", "status": "waiting"},
            {"type": "request_resolved", "request_id": "again", "outcome": "cancelled"},
            {"type": "status", "status": "cancelling"},
            {"type": "task_cancelled"},
            {"type": "status", "status": "cancelled"},
        ]
    )
    assert violations(Evidence([record(lambda _: story, lines=[])])) == []
