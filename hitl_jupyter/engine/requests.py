"""The people's side of a session: answers, drafts and deadlines of its open requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

import anyio
import msgspec
from msgspec.structs import replace

from hitl_jupyter.engine import answers
from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.change import Change
from hitl_jupyter.engine.hub import Viewer
from hitl_jupyter.engine.limits import check_answer
from hitl_jupyter.engine.outcomes import content_of, first_outcome, outcome_row, scope_of, target_of
from hitl_jupyter.engine.session import Session
from hitl_jupyter.engine.tail import join_batches, join_messages
from hitl_jupyter.errors import Forbidden, HitlError, InvalidValues, WorkerUnavailable, WrongState
from hitl_jupyter.journal.contract import DraftRow
from hitl_jupyter.link.messages import Validated
from hitl_jupyter.masking import has_secrets, mask, without_secrets
from hitl_jupyter.protocol import (
    REQUEST_EVENTS,
    AnswerCommand,
    Confirm,
    Draft,
    DraftInput,
    RequestConfirmation,
    RequestOverdue,
    RequestResolved,
    RequestUserInput,
    Retry,
    TaskFailed,
    UserInput,
    decode_events,
    encode,
)
from hitl_jupyter.snapshot import OpenRequest, find_open, find_settled

Question = RequestConfirmation | RequestUserInput

_resolution_decoder = msgspec.json.Decoder(RequestResolved)


class Checker(Protocol):
    """Who checks a form's values against the author's types: the attempt's worker."""

    async def validate(self, request_id: str, values: dict[str, Any]) -> Validated:
        """Raises ``WorkerUnavailable`` where it cannot be done now."""


class Requests:
    """The open requests of one session."""

    def __init__(self, session: Session, checker: Checker) -> None:
        self._session = session
        self._checker = checker
        self._limits = session.services.limits
        self._turns: dict[str, anyio.Lock] = {}
        session.list_drafts = self.drafts
        session.after_commit.append(self._follow)
        for request in session.snapshot.open_requests:
            self._keep_deadline(request)

    # -- answers -----------------------------------------------------------------------------------------------------

    async def answer(self, command: AnswerCommand, actor: Actor, viewer: Viewer | None) -> RequestResolved:
        """Settle a request, once; a repeated idempotency key gives the first outcome again."""
        if (before := await self._first_outcome(command, actor)) is not None:
            return before
        request = answers.target(self._session.snapshot, command, viewer, self._limits)
        if request is None:
            raise await self._why_not_open(command.request_id)
        self._check_may_answer(request, actor)
        async with self._turn(request):
            try:
                value = await self._checked(request, command)
            except (InvalidValues, WorkerUnavailable) as error:
                return await self._settled_or_refused(request, command, actor, error)
            async with self._session.lock:
                if (before := await self._first_outcome(command, actor)) is not None:
                    return before
                await self._check_still_open(request)
                return await self._settle(request, command, value, actor)

    @asynccontextmanager
    async def _turn(self, request: OpenRequest) -> AsyncIterator[None]:
        """Answers with secrets go one at a time, from the check to the journal.

        The journal does not keep a secret, and a host that dies right after the commit has not passed it on. But the
        worker has checked it; with turns the last values it checked are the ones that the journal says were given.
        """
        if not isinstance(request, RequestUserInput) or not has_secrets(request.schema):
            yield
            return
        async with self._turns.setdefault(request.request_id, anyio.Lock()):
            yield

    async def was_asked(self, actor: Actor, request_id: str | None) -> bool:
        """Whether a request, open or settled, was this actor's to answer: who was asked may learn what came of it."""
        row = None if request_id is None else await self._session.journal.request(request_id)
        if row is None or row.session_id != self._session.session_id:
            return False
        seq = row.opened_seq
        batches = await self._session.journal.events(row.session_id, seq - 1, seq + 1, 1)
        asked = [e for e in decode_events(join_batches(batches, seq - 1, seq + 1)) if isinstance(e, REQUEST_EVENTS)]
        return any(event.request_id == request_id and actor.owner in event.assignees for event in asked)

    async def _settled_or_refused(
        self, request: OpenRequest, command: AnswerCommand, actor: Actor, error: HitlError
    ) -> RequestResolved:
        """What is true now: the question may have been settled while the answer was being checked, and by the same."""
        async with self._session.lock:
            if (before := await self._first_outcome(command, actor)) is not None:
                return before
            await self._check_still_open(request)
        raise error

    async def _check_still_open(self, request: OpenRequest) -> None:
        """Raise who settled it, if somebody did. An answer after the deadline is late, noticed though it is by it."""
        if isinstance(request, Question) and self._is_late(request):
            await self._pass_deadline_now(request)
        if find_open(self._session.snapshot, request.request_id or "") is None:
            raise await self._why_not_open(request.request_id)

    def _check_may_answer(self, request: OpenRequest, actor: Actor) -> None:
        if not self._session.answerable_by(actor, request):
            raise Forbidden(
                "This question is for others. Answer those that are for you.", request_id=request.request_id
            )

    async def _settle(self, request: OpenRequest, command: AnswerCommand, value: Any, actor: Actor) -> RequestResolved:
        change = self._session.change()
        resolved = change.resolve(
            request.request_id or "",
            "answered",
            value=value,
            shown_value=mask(value, request.schema) if isinstance(request, RequestUserInput) else value,
            by=actor.by,
            via=actor.via,
            comment=command.comment if isinstance(command, Confirm) else None,
        )
        if isinstance(command, Retry):
            resolved.answers = command.answers
        if isinstance(request, TaskFailed) and request.ends_attempt:
            if isinstance(command, Retry) and command.value:
                change.queue_attempt(answers=command.answers)
            else:
                change.move("failed")
        else:
            change.follow_requests()
        # What the commit, which writes this row as well, will make of it: the first event of the change.
        reply = replace(resolved, session_id=self._session.session_id, seq=self._session.snapshot.last_seq + 1)
        secret = isinstance(request, RequestUserInput) and has_secrets(request.schema)
        content = target_of(command) if secret else content_of(command)
        scope, at = scope_of(self._session.session_id, actor), self._session.services.clock()
        await self._session.commit(change, command=outcome_row(scope, command.idempotency_key, content, reply, at))
        return resolved

    async def _checked(self, request: OpenRequest, command: AnswerCommand) -> Any:
        if not isinstance(command, UserInput) or not isinstance(request, RequestUserInput):
            check_answer(command.comment if isinstance(command, Confirm) else None, self._limits)
            return command.value if isinstance(command, Confirm | Retry) else None
        check_answer(command.values, self._limits)
        await answers.check_schema(request.schema, command.values)
        reply = await self._checker.validate(request.request_id, command.values)
        if reply.errors:
            raise InvalidValues("Some fields are not valid. Correct them and send the form again.", errors=reply.errors)
        return command.values if reply.values is None else reply.values

    async def _first_outcome(self, command: AnswerCommand, actor: Actor) -> RequestResolved | None:
        scope, contents = scope_of(self._session.session_id, actor), (content_of(command), target_of(command))
        reply = await first_outcome(self._session.journal, scope, command.idempotency_key, contents)
        return None if reply is None else _resolution_decoder.decode(reply)

    async def _why_not_open(self, request_id: str | None) -> HitlError:
        if request_id is None:
            return answers.unknown_request(None)
        settled = find_settled(self._session.snapshot, request_id)
        if settled is not None:
            return answers.settled_error(settled)
        row = await self._session.journal.request(request_id)
        if row is None or row.session_id != self._session.session_id or row.resolution is None:
            return answers.unknown_request(request_id)
        return answers.settled_error(_resolution_decoder.decode(row.resolution))

    # -- deadlines ---------------------------------------------------------------------------------------------------

    def _follow(self, change: Change) -> None:
        if change.plain:
            return
        for event in change.events:
            if isinstance(event, RequestResolved):
                self._session.services.deadlines.discard(event.request_id)
                self._turns.pop(event.request_id, None)
            elif isinstance(event, Question) and find_open(self._session.snapshot, event.request_id) is not None:
                self._keep_deadline(event)

    def _keep_deadline(self, request: OpenRequest) -> None:
        if isinstance(request, Question) and request.deadline is not None:
            passed = partial(self._on_deadline, request)
            self._session.services.deadlines.add(request.request_id, request.deadline, passed)

    def _on_deadline(self, request: Question) -> None:
        insist = partial(self._session.insist, partial(self._pass_deadline, request))
        self._session.services.tasks.start_soon(insist)

    async def pass_due(self) -> None:
        """Have the deadlines pass that the clock has come to."""
        async with self._session.lock:
            for request in list(self._session.snapshot.open_requests):
                if isinstance(request, Question) and self._is_over(request):
                    await self._pass_deadline_now(request)

    async def _pass_deadline(self, request: Question) -> None:
        async with self._session.lock:
            await self._pass_deadline_now(request)

    def _is_late(self, request: Question) -> bool:
        return request.on_deadline != "keep" and self._is_over(request)

    def _is_over(self, request: Question) -> bool:
        return request.deadline is not None and self._session.services.clock() >= request.deadline

    async def _pass_deadline_now(self, request: Question) -> None:
        snapshot = self._session.snapshot
        if find_open(snapshot, request.request_id) is None or request.request_id in snapshot.overdue:
            return
        change = self._session.change()
        self._expire(change, request)
        await self._session.commit(change)

    def _expire(self, change: Change, request: Question) -> None:
        if request.on_deadline == "keep":
            event = RequestOverdue(request_id=request.request_id, timestamp=self._session.services.clock())
            event.attempt = change.attempt
            change.events.append(event)
        elif request.on_deadline == "default":
            value = request.default
            change.resolve(request.request_id, "defaulted", value=value, shown_value=value)
        else:
            change.resolve(request.request_id, "expired")
        change.follow_requests()

    # -- drafts ------------------------------------------------------------------------------------------------------

    async def save_draft(self, draft: DraftInput, actor: Actor) -> None:
        """Keep a half-typed answer, without its secrets, and show it to the other viewers; one draft at a time."""
        check_answer(draft.values, self._limits)
        async with self._session.lock:
            request = find_open(self._session.snapshot, draft.request_id)
            if request is None:
                raise await self._why_not_open(draft.request_id)
            if not isinstance(request, RequestUserInput):
                raise WrongState("Only forms have drafts.", status=self._session.status)
            self._check_may_answer(request, actor)
            shown = Draft(
                session_id=self._session.session_id,
                request_id=draft.request_id,
                values=without_secrets(draft.values, request.schema),
                revision=await self._last_revision(draft.request_id) + 1,
            )
            with anyio.CancelScope(shield=True):  # whoever typed may be gone: the next revision counts on this one
                await self._session.journal.save_draft(_draft_row(shown))
            self._session.hub.push(join_messages([shown]))

    async def _last_revision(self, request_id: str) -> int:
        rows = await self._session.journal.drafts(self._session.session_id)
        return next((row.revision for row in rows if row.request_id == request_id), 0)

    async def drafts(self) -> list[Draft]:
        """The drafts of the open requests."""
        if not any(isinstance(request, RequestUserInput) for request in self._session.snapshot.open_requests):
            return []
        return [
            Draft(
                session_id=self._session.session_id,
                request_id=row.request_id,
                values=msgspec.json.decode(row.values),
                revision=row.revision,
            )
            for row in await self._session.journal.drafts(self._session.session_id)
            if find_open(self._session.snapshot, row.request_id) is not None
        ]


def _draft_row(draft: Draft) -> DraftRow:
    return DraftRow(
        session_id=draft.session_id,
        request_id=draft.request_id,
        values=encode(draft.values),
        revision=draft.revision,
    )
