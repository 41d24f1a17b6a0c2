"""Rules about commands: what was acknowledged stands, what was refused did nothing, one key has one effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.chaos.evidence import Event, Evidence
from tests.chaos.history import Op

SETTLED = ("outcome", "value", "by", "via", "at")
"""What says how a request was settled: the winner's reply, the loser's refusal and the journal say the same."""

TOO_LATE = ("already_settled", "expired")


def acknowledged_starts_are_there(evidence: Evidence) -> Iterator[str]:
    """A session that was said to be started is in the store."""
    for op in evidence.ops_of("start", "ok"):
        if op.reply["session_id"] not in evidence.sessions:
            yield f"{op.client} started {op.reply['session_id']}, and it is gone"


def one_key_starts_one_session(evidence: Evidence) -> Iterator[str]:
    """All starts of one idempotency key, which is also the title, gave one session; refused ones gave none."""
    titles = defaultdict(list)
    for record in evidence.sessions.values():
        titles[record.title].append(record.session_id)
    for key, ops in _by_key(evidence.ops_of("start")).items():
        replies = {op.reply["session_id"] for op in ops if op.phase == "ok"}
        if len(titles[key]) > 1 or len(replies) > 1:
            yield f"{key} started {sorted(titles[key])}, its callers were told {sorted(replies)}"
        if titles[key] and all(op.phase == "fail" for op in ops):
            yield f"{key} was refused and started {titles[key]}"


def acknowledged_answers_stand(evidence: Evidence) -> Iterator[str]:
    """What an answer's caller was told is what the journal says of that request."""
    for op in evidence.ops_of("answer", "ok"):
        kept = _resolution(evidence, op, op.reply.get("request_id"))
        if kept is None or _settled(kept) != _settled(op.reply):
            yield f"{op.client} was told {_settled(op.reply)} of {op.asked}, kept is {kept and _settled(kept)}"


def a_request_is_settled_once(evidence: Evidence) -> Iterator[str]:
    """A request has one resolution, and nobody but its first winner was told to have won."""
    for record in evidence.sessions.values():
        for request_id, resolutions in record.resolutions.items():
            if len(resolutions) > 1:
                yield f"{request_id} was settled {len(resolutions)} times"
    winners = defaultdict(set)
    for op in evidence.ops_of("answer", "ok"):
        winners[op.reply.get("request_id")].add(op.key)
    for won, keys in winners.items():
        if len(keys) > 1:
            yield f"{won} was won by all of {sorted(map(str, keys))}"


def losers_learn_who_when_and_what(evidence: Evidence) -> Iterator[str]:
    """A refusal for being late tells what the journal says of the winner."""
    for op in evidence.ops_of("answer", "fail"):
        if op.reply.get("code") in TOO_LATE:
            kept = _resolution(evidence, op, op.asked.get("request_id"))
            if kept is None or _settled(kept) != _settled(op.reply):
                yield f"{op.client} lost to {_settled(op.reply)}, kept is {kept and _settled(kept)}"


def refused_answers_have_no_effect(evidence: Evidence) -> Iterator[str]:
    """The words of an answer that was refused each time are in no journal."""
    kept = {mark for record in evidence.sessions.values() for mark in map(_mark, record.of_type("request_resolved"))}
    for ops in _by_key(evidence.ops_of("answer")).values():
        mark = _mark(ops[0].asked)
        if mark is not None and mark in kept and all(op.phase == "fail" for op in ops):
            yield f"{ops[0].client}'s {mark} was refused and counts all the same"


def one_key_has_one_outcome(evidence: Evidence) -> Iterator[str]:
    """Whoever repeats an answer with its idempotency key is told the first outcome."""
    for key, ops in _by_key(evidence.ops_of("answer", "ok")).items():
        outcomes = {repr(_settled(op.reply)) for op in ops}
        if len(outcomes) > 1:
            yield f"{key} came to {sorted(outcomes)}"


def reads_never_go_back(evidence: Evidence) -> Iterator[str]:
    """A read that began after another had ended sees no less than that one."""
    seen = defaultdict(list)
    for op in evidence.ops_of("read", "ok"):
        seen[op.session_id].append(op)
    for session_id, reads in seen.items():
        for earlier, later in _one_after_another(reads):
            if later.reply["last_seq"] < earlier.reply["last_seq"]:
                yield f"{session_id}: {earlier.reply['last_seq']} was read, and then {later.reply['last_seq']}"


def _one_after_another(reads: list[Op]) -> Iterator[tuple[Op, Op]]:
    """Each read with the furthest of those that had ended before it began."""
    ended = sorted(reads, key=lambda op: op.ended)
    furthest, at = None, 0
    for later in sorted(reads, key=lambda op: op.invoked):
        while at < len(ended) and ended[at].ended < later.invoked:
            if furthest is None or ended[at].reply["last_seq"] >= furthest.reply["last_seq"]:
                furthest = ended[at]
            at += 1
        if furthest is not None:
            yield furthest, later


def _by_key(ops: list[Op]) -> dict[str, list[Op]]:
    found = defaultdict(list)
    for op in ops:
        if op.key is not None:
            found[op.key].append(op)
    return found


def _resolution(evidence: Evidence, op: Op, request_id: str | None) -> Event | None:
    record = evidence.sessions.get(op.session_id or "")
    found = record.resolutions.get(request_id or "") if record else None
    return found[0] if found else None


def _settled(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts.get(name) for name in SETTLED}


def _mark(answer: dict[str, Any]) -> str | None:
    """The words by which an answer is known: a form's, or a confirmation's comment."""
    values = answer.get("values") or answer.get("value")
    word = values.get("word") if isinstance(values, dict) else None
    return word or answer.get("comment")
