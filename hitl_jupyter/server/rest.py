"""The REST routes: decode, call the session manager, encode."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import anyio
import msgspec
from msgspec import Struct

from hitl_jupyter.errors import Malformed, NotFound
from hitl_jupyter.journal.contract import SessionQuery
from hitl_jupyter.protocol import AnswerCommand, Key, Status, decode_command, decode_start
from hitl_jupyter.server.access import ANSWERS, KERNELS, SERVER, SESSIONS, TASKS, allowed
from hitl_jupyter.server.handler import UNKNOWN_ROUTE, RestHandler
from hitl_jupyter.states import STATUSES

OPENAPI_SETTING = "hitl_jupyter_openapi"
MAX_PAGE = 1000
MAX_EVENTS = 10_000
CHUNK_BYTES = 1024 * 1024


class CancelBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of ``cancel-task``: none, or this. ``force`` kills the worker at once."""

    force: bool = False
    idempotency_key: Key | None = None


class StartTaskHandler(RestHandler):
    """Starts a session."""

    @allowed(("write", SESSIONS), ("execute", KERNELS))
    async def post(self) -> None:
        """Start a task; with no task named, one of the server's default tasks.

        201 with the new session, 200 when the key names one that exists already.
        """
        started = await (await self.manager()).start(decode_start(self.body()), await self.actor())
        self.set_header("Location", f"{self.base_url}hitl/sessions/{started.session_id}")
        self.set_header("Access-Control-Expose-Headers", "Location")
        self.reply(started, 201 if started.created else 200)


class CancelTaskHandler(RestHandler):
    """Ends a session."""

    @allowed(("write", SESSIONS))
    async def post(self, session_id: str) -> None:
        """Cancel a session; cancelling one that is being cancelled, or has ended so, changes nothing."""
        body = _decoded(self.body() or b"{}", CancelBody)
        status = await (await self.manager()).cancel(
            self.session_id(session_id),
            await self.actor(),
            force=body.force,
            idempotency_key=body.idempotency_key,
        )
        self.reply({"status": status}, 202)


class SessionInfoHandler(RestHandler):
    """Says how a session stands."""

    _track_activity = False

    @allowed(("read", SESSIONS))
    async def get(self, session_id: str) -> None:
        """The proof of concept's four keys, and status, attempt, times, open requests, progress, viewers."""
        self.reply(await (await self.manager()).info(self.session_id(session_id), await self.actor()))


class AnswerHandler(RestHandler):
    """Answers an open request."""

    @allowed(("write", ANSWERS))
    async def post(self, session_id: str) -> None:
        """Answer with one command (``confirm``, ``user_input`` or ``retry``); the reply is the settled request."""
        command = decode_command(self.body())
        if not isinstance(command, AnswerCommand):
            raise Malformed("An answer is a confirm, a user_input or a retry. Cancel with POST cancel-task.")
        manager = await self.manager()
        self.reply(await manager.answer(self.session_id(session_id), command, await self.actor()))


class SessionsHandler(RestHandler):
    """Lists sessions."""

    _track_activity = False

    @allowed(("read", SESSIONS))
    async def get(self) -> None:
        """The caller's sessions, newest first, a page at a time; ``cursor`` asks for the next page."""
        query = SessionQuery(
            statuses=_statuses(self.get_query_arguments("status")),
            task=self.get_query_argument("task", None),
            owner=self.get_query_argument("owner", None),
            limit=_at_most(MAX_PAGE, self.count("limit", 100, least=1)),
            cursor=_cursor(self.get_query_argument("cursor", None)),
        )
        self.reply(await (await self.manager()).list(query, await self.actor()))


class SessionHandler(RestHandler):
    """One session."""

    @allowed(("read", SESSIONS))
    async def get(self, session_id: str) -> None:
        """The session's snapshot."""
        self.reply(await (await self.manager()).snapshot(self.session_id(session_id), await self.actor()))

    @allowed(("write", SESSIONS))
    async def delete(self, session_id: str) -> None:
        """Forget a session that has ended, with all its events."""
        await (await self.manager()).forget(self.session_id(session_id), await self.actor())
        self.set_status(204)
        self.finish()


class EventsHandler(RestHandler):
    """The history of a session."""

    @allowed(("read", SESSIONS))
    async def get(self, session_id: str) -> None:
        """The events after ``after`` and before ``before``, at most ``limit``, as a JSON array."""
        manager = await self.manager()
        events = await manager.events(
            self.session_id(session_id),
            await self.actor(),
            after=self.count("after", 0) or 0,
            before=self.count("before"),
            limit=_at_most(MAX_EVENTS, self.count("limit", 1000, least=1)),
        )
        self.finish(events)


class OutputHandler(RestHandler):
    """What stands in a session's cell."""

    _track_activity = False

    @allowed(("read", SESSIONS))
    async def get(self, session_id: str) -> None:
        """The MIME bundle of a session that has ended; the same bytes for every run that went the same way."""
        self.reply(await (await self.manager()).output(self.session_id(session_id), await self.actor()))


class ResultHandler(RestHandler):
    """The result of a session, for a kernel."""

    @allowed(("read", SESSIONS))
    async def get(self, session_id: str) -> None:
        """The pickle of what the task returned. Only a process that trusts the task should open it."""
        path = await (await self.manager()).result_path(self.session_id(session_id), await self.actor())
        self.set_header("Content-Type", "application/octet-stream")
        async with await anyio.open_file(path, "rb") as file:
            while chunk := await file.read(CHUNK_BYTES):
                self.write(chunk)
                await self.flush()
        self.finish(set_content_type="application/octet-stream")


class TasksHandler(RestHandler):
    """The tasks that can be started by name."""

    _track_activity = False

    @allowed(("read", TASKS))
    async def get(self) -> None:
        """The registered tasks, each with the form of its parameters, and the modules that could not be imported."""
        self.reply(await (await self.manager()).tasks())


class HealthHandler(RestHandler):
    """How the server stands."""

    _track_activity = False

    @allowed(("read", SERVER))
    async def get(self) -> None:
        """Status ``ok``, or ``degraded`` with the reasons and 503; versions and limits."""
        health = await self.host.health()
        self.reply(health, 200 if health["status"] == "ok" else 503)


class OpenApiHandler(RestHandler):
    """These routes, machine-readable."""

    _track_activity = False

    @allowed(("read", SERVER))
    async def get(self) -> None:
        """The OpenAPI 3 document of these routes."""
        self.reply(self.settings[OPENAPI_SETTING])


class UnknownRouteHandler(RestHandler):
    """Everything else under our prefix."""

    @allowed(("read", SERVER))
    async def get(self) -> None:
        """404, as JSON."""
        raise NotFound(UNKNOWN_ROUTE)

    @allowed(("write", SERVER))
    async def post(self) -> None:
        """404, as JSON."""
        raise NotFound(UNKNOWN_ROUTE)

    @allowed(("write", SERVER))
    async def delete(self) -> None:
        """404, as JSON."""
        raise NotFound(UNKNOWN_ROUTE)


def _decoded(data: bytes, kind: type[CancelBody]) -> CancelBody:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f'This is not a cancel-task body: {error}. Send nothing, or {{"force": true}}.') from None


def _statuses(texts: Iterable[str]) -> tuple[Status, ...]:
    """Statuses given as ``?status=a&status=b`` or ``?status=a,b``."""
    names = [name for text in texts for name in text.split(",") if name]
    for name in names:
        if name not in STATUSES:
            raise Malformed(f"{name[:40]!r} is not a status; those are {', '.join(sorted(STATUSES))}.")
    return tuple(cast("list[Status]", names))


def _cursor(text: str | None) -> tuple[float, str] | None:
    """The place in a list that an earlier page ended at."""
    if not text:
        return None
    created_at, separator, session_id = text.partition(",")
    try:
        place = (float(created_at), session_id)
    except ValueError:
        place = (math.nan, "")
    if not separator or not math.isfinite(place[0]):
        raise Malformed("This cursor is not one that GET sessions gave. Leave it out to begin at the newest session.")
    return place


def _at_most(greatest: int, number: int | None) -> int:
    return min(greatest, number or greatest)
