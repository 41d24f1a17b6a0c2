"""The checker: every rule over all the evidence of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from tests.chaos import rules_of_commands as commands
from tests.chaos import rules_of_effects as effects
from tests.chaos import rules_of_events as events
from tests.chaos.evidence import Evidence

Rule = Callable[[Evidence], Iterator[str]]

RULES: tuple[Rule, ...] = (
    events.numbers_have_no_gap,
    events.what_was_seen_is_in_the_journal,
    events.one_number_means_one_thing,
    events.readers_get_each_number_once_in_order,
    events.an_attempt_ends_once,
    events.nothing_comes_after_an_ending,
    events.statuses_follow_the_table,
    events.a_snapshot_is_the_fold_of_its_events,
    events.every_session_has_ended,
    commands.acknowledged_starts_are_there,
    commands.one_key_starts_one_session,
    commands.acknowledged_answers_stand,
    commands.a_request_is_settled_once,
    commands.losers_learn_who_when_and_what,
    commands.refused_answers_have_no_effect,
    commands.one_key_has_one_outcome,
    commands.reads_never_go_back,
    effects.user_code_runs_once_an_attempt,
    effects.a_task_gets_each_answer_once,
    effects.a_task_gets_the_answer_that_was_given,
    effects.a_completed_attempt_got_all_its_answers,
    effects.a_completed_attempt_came_to_its_end,
)

SHOWN = 5
"""Violations of one rule that are told; the rest is mostly the same again."""


def violations(evidence: Evidence, rules: tuple[Rule, ...] = RULES) -> list[str]:
    """A sentence for each violation, with the rule it breaks."""
    return [f"{rule.__name__}: {said}" for rule in rules for said in islice(rule(evidence), SHOWN)]
