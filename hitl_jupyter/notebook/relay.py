"""Serves a widget whose page cannot reach the server: the kernel passes messages on, over the widget's comm.

The page says ``watch``, ``unwatch``, ``command`` and ``events``; it gets ``messages`` (one buffer: a JSON array, as on
the socket) and a ``reply`` to every command. Comm callbacks may come on any thread, and nothing here waits on them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from hitl_jupyter.errors import HitlError, WrongState
from hitl_jupyter.notebook.host import EVENTS_A_PAGE, Following, Host
from hitl_jupyter.protocol import Cancel, DraftInput, ErrorMessage, decode_command, encode

Send = Callable[[dict[str, Any], list[bytes]], None]
"""Sends a message, with buffers, to every page that shows the widget."""

MAX_COMMANDS_AT_ONCE = 4


class _Place(Struct):
    seq: int | UnsetType = UNSET
    epoch: int | UnsetType = UNSET


_places = msgspec.json.Decoder(list[_Place])


class Relay:
    """One session's messages and commands, between a comm and its host.

    Parameters
    ----------
    host : Host
        What holds the session.
    session_id : str
        Which session.
    send : callable
        Sends to the pages.
    """

    def __init__(self, host: Host, session_id: str, send: Send) -> None:
        self._host = host
        self._session_id = session_id
        self._send = send
        self._lock = threading.Lock()
        self._following: Following | None = None
        self._pages = 0
        self._commands = ThreadPoolExecutor(MAX_COMMANDS_AT_ONCE, thread_name_prefix="hitl-relay")

    def receive(self, message: Mapping[str, Any]) -> None:
        """One message of the page. Returns at once."""
        match message.get("op"):
            case "watch":
                self._watch(_count(message, "after") or 0, _count(message, "tail"))
            case "unwatch":
                self._leave()
            case "command" | "events" as op:
                self._commands.submit(self._reply, op, dict(message))

    def close(self) -> None:
        """End the watching."""
        self._replace(None)
        self._commands.shutdown(wait=False, cancel_futures=True)

    def _watch(self, after: int, tail: int | None) -> None:
        """Begin again at a page's place; what other pages get twice they know by its number."""
        following = self._host.follow(self._session_id, _Passing(self._send, self._session_id, after, tail))
        with self._lock:
            self._pages += 1
        self._replace(following)

    def _leave(self) -> None:
        """Stop with the last page that says so; one that was reloaded says nothing, and is counted for good."""
        with self._lock:
            self._pages = max(0, self._pages - 1)
            last = self._pages == 0
        if last:
            self._replace(None)

    def _replace(self, following: Following | None) -> None:
        with self._lock:
            before, self._following = self._following, following
            if following is not None:
                following.start()
        if before is not None:
            before.stop()

    def _reply(self, op: str, message: dict[str, Any]) -> None:
        try:
            ok, body = True, self._carry_out(op, message)
        except HitlError as error:
            ok, body = False, error.to_json()
        self._send({"op": "reply", "id": message.get("id"), "ok": ok, "body": body}, [])

    def _carry_out(self, op: str, message: dict[str, Any]) -> Any:
        if op == "events":
            limit = _count(message, "limit") or EVENTS_A_PAGE
            events = self._host.events(self._session_id, before=_count(message, "before"), limit=limit)
            return msgspec.to_builtins(events)
        return self._command(message.get("command"))

    def _command(self, given: Any) -> Any:
        command = decode_command(msgspec.json.encode(given))
        if isinstance(command, Cancel):
            once = command.idempotency_key
            return {"status": self._host.cancel(self._session_id, force=command.force, idempotency_key=once)}
        if isinstance(command, DraftInput):
            return self._send_draft(command)
        return msgspec.to_builtins(self._host.answer(self._session_id, command))

    def _send_draft(self, draft: DraftInput) -> dict[str, Any]:
        """Drafts have no route of their own: they go over the socket."""
        with self._lock:
            following = self._following
        if following is None:
            raise WrongState("This view does not watch the session, so nothing was kept. Reload the page.")
        following.send(encode(draft))
        return {}


class _Passing:
    """Passes frames on, and remembers where to take up after the server was away."""

    def __init__(self, send: Send, session_id: str, after: int, tail: int | None) -> None:
        self._send = send
        self._session_id = session_id
        self._after = after
        self._tail = tail
        self._epoch: int | None = None

    def query(self) -> Mapping[str, Any]:
        if self._after:
            return {"after": self._after, "epoch": self._epoch}
        return {"tail": self._tail} if self._tail is not None else {"after": 0}

    def frame(self, data: bytes) -> None:
        for place in _places.decode(data):
            if not isinstance(place.epoch, UnsetType):
                self._epoch = place.epoch
            if not isinstance(place.seq, UnsetType):
                self._after = max(self._after, place.seq)
        self._send({"op": "messages"}, [data])

    def gone(self, error: HitlError) -> None:
        message = ErrorMessage(session_id=self._session_id, code=error.code, message=error.message)
        self._send({"op": "messages"}, [encode([message])])


def _count(message: Mapping[str, Any], name: str) -> int | None:
    value = message.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
