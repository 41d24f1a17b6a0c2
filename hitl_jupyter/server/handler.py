"""What every request handler is built on: bodies that are bounded, and refusals that are JSON with a code.

This is the one place where an error becomes an HTTP reply.
"""

from __future__ import annotations

import uuid
from http.client import responses
from types import TracebackType
from typing import Any, cast

from jupyter_server.base.handlers import APIHandler
from tornado import web

from hitl_jupyter.engine.limits import check_size
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import HitlError, Malformed, NotFound
from hitl_jupyter.protocol import encode
from hitl_jupyter.server.access import Access
from hitl_jupyter.server.host import EngineHost

HOST_SETTING = "hitl_jupyter_host"
MAX_COUNT = 2**53
"""The greatest number a browser counts to without rounding."""

CODES = {400: "malformed", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
UNAUTHENTICATED = (
    "This request shows no valid credentials. Send `Authorization: token <the server's token>`, or log in to the "
    "server in this browser."
)
UNKNOWN_ROUTE = "There is no such route. GET openapi.json lists them all."
INTERNAL = "The server failed at this request; its log has the cause. Nothing was acknowledged: it may be sent again."


class Handler(Access):
    """An authenticated handler that can reach the session manager and turns errors into JSON."""

    @property
    def host(self) -> EngineHost:
        """What holds the session manager."""
        return cast("EngineHost", self.settings[HOST_SETTING])

    async def manager(self) -> SessionManager:
        """The session manager; raises why there is none, for instance :class:`StoreDamaged`."""
        return await self.host.manager()

    def count(self, name: str, default: int | None = None, *, least: int = 0) -> int | None:
        """A whole number of the query; raises :class:`Malformed` for anything else."""
        text = self.get_query_argument(name, None)
        if text is None or text == "":
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= MAX_COUNT):
            raise Malformed(f"The query parameter {name} is a whole number of at least {least}, not {text[:40]!r}.")
        return int(text)

    def session_id(self, text: str) -> str:
        """The session a path names. What is no uuid4 names none, and looks like one that is absent."""
        try:
            known = uuid.UUID(text)
        except ValueError:
            raise unknown_session() from None
        if known.version != 4 or str(known) != text:
            raise unknown_session()
        return text

    def compute_etag(self) -> str | None:
        """None: hashing every reply costs more than sending it."""
        return None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Reply with the status that fits the error."""
        error = _error_of(kwargs)
        super().send_error(error.status_hint if isinstance(error, HitlError) else status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every refusal is ``{code, message, …}``."""
        self.set_header("Content-Type", "application/json")
        self.finish(encode(self.error_json(status_code, _error_of(kwargs))))

    def error_json(self, status_code: int, error: BaseException | None) -> dict[str, Any]:
        """What a refusal says."""
        if isinstance(error, HitlError):
            return error.to_json()
        if status_code == 403 and not getattr(self, "_jupyter_current_user", None):
            return {"code": "unauthenticated", "message": UNAUTHENTICATED}
        if isinstance(error, web.HTTPError):
            message = _said(error) or responses.get(status_code, "The request was refused")
            return {"code": CODES.get(status_code, f"http_{status_code}"), "message": f"{message.rstrip('.')}."}
        return {"code": "internal", "message": INTERNAL}

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """A refusal is no fault of the server: it is not logged as one, nor with what the caller sent."""
        if isinstance(value, HitlError):
            self.log.debug("%s %s: %s", self.request.method, self.request.path, value.code)
        else:
            super().log_exception(typ, value, tb)


@web.stream_request_body
class RestHandler(Handler, APIHandler):
    """A REST handler. A body is held in memory only as far as the limit; what is more is read and thrown away.

    Reading it to the end lets the caller see the 413: one who is still sending when the connection closes does not.
    """

    def initialize(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().initialize(name, *args, **kwargs)
        self._chunks: list[bytes] = []
        self._received = 0

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def data_received(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received <= self.host.limits.max_body_bytes:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def body(self) -> bytes:
        """The request's body; raises :class:`TooLarge`."""
        check_size("max_body_bytes", self._received, self.host.limits.max_body_bytes)
        return b"".join(self._chunks)

    def reply(self, value: Any, status: int = 200) -> None:
        """End the request with a struct, or anything JSON-able, as JSON."""
        self.set_status(status)
        self.finish(encode(value))


def unknown_session() -> NotFound:
    """What is said of a session that is absent, or another's."""
    return NotFound("There is no such session. GET sessions lists yours.")


def _error_of(kwargs: dict[str, Any]) -> BaseException | None:
    exc_info = kwargs.get("exc_info")
    return exc_info[1] if exc_info else None


def _said(error: web.HTTPError) -> str:
    """The message of an HTTPError, with its arguments filled in where it has any."""
    message = error.log_message or error.reason or ""
    return message % error.args if error.args else message
