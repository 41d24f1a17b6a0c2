"""Every limit of the host in one place: declared here, printed by ``GET health``, refused with its name."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from hitl_jupyter.errors import LimitReached, Malformed, TooLarge
from hitl_jupyter.link.messages import WorkerEvent
from hitl_jupyter.protocol import RequestConfirmation, RequestUserInput, Stream

MIB = 1024 * 1024


class Limits(Struct, frozen=True, kw_only=True):
    """Defaults of DESIGN's "Limits"; bytes, counts or seconds as the name says."""

    max_body_bytes: int = 10 * MIB
    max_line_bytes: int = 64 * 1024
    max_evidence_bytes: int = 5 * MIB
    max_answer_bytes: int = 1 * MIB
    max_nesting: int = 64
    max_open_requests: int = 100
    max_live_sessions: int = 200
    max_kept_sessions: int = 10_000
    retention_days: float = 30.0
    max_session_bytes: int = 256 * MIB
    max_flood_bytes_per_minute: int = 100_000_000
    max_viewers: int = 200
    stalled_seconds: float = 60.0
    max_starts_per_minute: int = 60
    max_warm_spares: int = 2
    warm_spare_seconds: float = 600.0
    validate_seconds: float = 10.0
    launch_seconds: float = 60.0
    shown_seconds: float = 0.3
    resume_seconds: float = 1.0
    cancel_seconds: float = 3.0
    terminate_seconds: float = 3.0
    silence_seconds: float = 30.0
    kernel_lost_seconds: float = 15.0
    alone_running_seconds: float = 3600.0
    alone_waiting_seconds: float = 30 * 86400.0
    alone_finished_seconds: float = 60.0


def check_size(name: str, size: int, allowed: int) -> None:
    """Raise :class:`TooLarge` when ``size`` bytes are over the limit of that name."""
    if size > allowed:
        raise TooLarge(
            f"{size} bytes are over the limit {name} = {allowed}. Send less, or raise the limit in the server's "
            "configuration.",
            limit=name,
            allowed=allowed,
            size=size,
        )


def check_count(name: str, count: int, allowed: int, advice: str) -> None:
    """Raise :class:`LimitReached` when ``count`` has come to the limit of that name."""
    if count >= allowed:
        raise LimitReached(f"The limit {name} = {allowed} is reached. {advice}", limit=name, allowed=allowed)


def check_answer(values: object, limits: Limits) -> None:
    """Hold an answer to the size and nesting limits, and to numbers that the link to a worker can carry."""
    check_size("max_answer_bytes", len(msgspec.json.encode(values)), limits.max_answer_bytes)
    try:
        msgspec.msgpack.encode(values)
    except OverflowError:
        raise Malformed("A whole number is over 64 bits. Send it as text.") from None
    if nesting(values, limits.max_nesting) > limits.max_nesting:
        raise TooLarge(
            f"The values are nested deeper than max_nesting = {limits.max_nesting}. Send them flatter.",
            limit="max_nesting",
            allowed=limits.max_nesting,
        )


def cut_to_limits(events: Sequence[WorkerEvent], limits: Limits) -> None:
    """Cut what a worker sent over the limits. It cuts by itself already, but by the defaults and not by the traits."""
    for event in events:
        if type(event) is Stream:
            if len(event.content) > limits.max_line_bytes:
                event.content = (
                    f"{event.content[: limits.max_line_bytes]} (cut: a line may have {limits.max_line_bytes})"
                )
        elif isinstance(event, RequestConfirmation | RequestUserInput) and event.evidence:
            size = sum(len(msgspec.json.encode(data)) for bundle in event.evidence for data in bundle.values())
            if size > limits.max_evidence_bytes:
                note = f"(left out: {size} bytes of evidence, over the limit max_evidence_bytes)"
                event.evidence = [{"text/plain": note}]


def nesting(values: object, enough: int) -> int:
    """How deep lists and dicts are nested, counting no further than ``enough`` + 1.

    Examples
    --------
    >>> nesting({"a": [1]}, 64), nesting(3, 64)
    (2, 0)
    """
    depth, layer = 0, [values]
    while depth <= enough:
        layer = [child for value in layer for child in _children(value)]
        containers_above = depth == 0 and not isinstance(values, dict | list)
        if containers_above:
            return 0
        depth += 1
        layer = [value for value in layer if isinstance(value, dict | list)]
        if not layer:
            return depth
    return depth


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


class StartRate:
    """At most so many starts a minute an owner: a sliding window, on the clock it is given (seconds)."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._starts: dict[str, deque[float]] = {}  # the owners by their last starts, the oldest first

    def __len__(self) -> int:
        """How many owners started something of late."""
        return len(self._starts)

    def take(self, owner: str, now: float) -> None:
        """Count one start, or raise :class:`LimitReached`."""
        self._let_go(now - 60)
        starts = self._starts.get(owner, deque[float]())
        while starts and starts[0] <= now - 60:
            starts.popleft()
        check_count("max_starts_per_minute", len(starts), self._per_minute, "Wait a minute, then start again.")
        starts.append(now)
        self._starts.pop(owner, None)
        self._starts[owner] = starts

    def _let_go(self, before: float) -> None:
        while self._starts and (oldest := next(iter(self._starts.items())))[1][-1] <= before:
            del self._starts[oldest[0]]
