"""A Jupyter server in this process, with our extension, that lets nobody in without credentials."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jupyter_server.serverapp import ServerApp
from tornado.httpclient import HTTPResponse
from tornado.websocket import WebSocketClientConnection

from hitl_jupyter.protocol import BATCH_SUBPROTOCOL
from hitl_jupyter.server.extension import HitlExtension
from tests.support.waiting import eventually_async

Fetch = Callable[..., Awaitable[HTTPResponse]]
Connect = Callable[..., Awaitable[WebSocketClientConnection]]

REPOSITORY = Path(__file__).parents[2]
NO_CREDENTIALS = {"Authorization": ""}


class Reply:
    """An HTTP reply with what tests look at."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.code
        self.headers = response.headers
        self.body = response.body or b""

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def __repr__(self) -> str:
        return f"<{self.status} {self.body[:300]!r}>"


class Api:
    """Calls the server as a client with its token, or with other headers."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def __call__(
        self,
        verb: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Reply:
        data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        response = await self._fetch(
            path,
            method=verb,
            body=data,
            headers=dict(headers or {}),
            params=dict(query or {}),
            raise_error=False,
            allow_nonstandard_methods=True,
        )
        return Reply(response)

    async def start(self, task: str, *, headers: dict[str, str] | None = None, **body: Any) -> str:
        """Start a task of tests/server/tasks.py; its session's id."""
        start = {"task": f"tests.server.tasks:{task}", "env": {"cwd": str(REPOSITORY)}, **body}
        reply = await self("POST", "hitl/start-task", start, headers=headers)
        assert reply.status == 201, reply
        return str(reply.json["session_id"])


class Session:
    """One session over REST alone."""

    def __init__(self, api: Api, session_id: str) -> None:
        self.api = api
        self.id = session_id

    async def snapshot(self) -> Any:
        return (await self.api("GET", f"hitl/sessions/{self.id}")).json

    async def question(self) -> str:
        """The id of the open request, once there is one."""

        async def first() -> str | None:
            requests = (await self.snapshot())["open_requests"]
            return str(requests[0]["request_id"]) if requests else None

        return await eventually_async(first, "a question is open") or ""

    async def becomes(self, status: str) -> Any:
        async def there() -> Any:
            snapshot = await self.snapshot()
            return snapshot if snapshot["status"] == status else None

        return await eventually_async(there, f"the session is {status}")

    async def answer(self, **command: Any) -> Any:
        return await self.api("POST", f"hitl/answer/{self.id}", command)


class Watcher:
    """A client of a socket: what it got so far, and waiting for more."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []
        self._waiting: deque[dict[str, Any]] = deque()

    async def next(self) -> dict[str, Any] | None:
        """The next message, or None once the server has closed."""
        if not self._waiting:
            frame = await self.socket.read_message()
            if frame is None:
                return None
            decoded = msgspec.json.decode(frame)
            assert isinstance(decoded, list) == (self.socket.selected_subprotocol == BATCH_SUBPROTOCOL)
            self._waiting.extend(decoded if isinstance(decoded, list) else [decoded])
        message = self._waiting.popleft()
        self.seen.append(message)
        return message

    async def until(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Read on to a message of that type in which these facts hold."""
        while True:
            message = await self.next()
            assert message is not None, f"closed with {self.socket.close_code} before {kind} {facts}: {self.seen}"
            if message["type"] == kind and facts.items() <= message.items():
                return message

    async def closed(self) -> int | None:
        """Read to the end; the close code."""
        while await self.next() is not None:
            pass
        return self.socket.close_code

    async def send(self, message: Any) -> None:
        """Send text or bytes as they are, anything else as JSON."""
        if isinstance(message, bytes):
            await self.socket.write_message(message, binary=True)
        else:
            await self.socket.write_message(
                message if isinstance(message, str) else msgspec.json.encode(message).decode()
            )

    async def error(self, message: Any) -> dict[str, Any]:
        """Send something wrong; the refusal."""
        await self.send(message)
        return await self.until("error")


Watch = Callable[..., contextlib.AbstractAsyncContextManager[Watcher]]


@pytest.fixture
def store() -> Iterator[Path]:
    """A store folder with a short path, for a Unix socket's name may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="hitl-"))
    yield folder / "store"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test module configures differently: ``{class: {trait: value}}``."""
    return {}


@pytest.fixture
def jp_server_config(store: Path, settings: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "ServerApp": {
            "jpserver_extensions": {"hitl_jupyter": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        },
        "HitlExtension": {
            "store_dir": str(store),
            "on_shutdown": "cancel",
            "max_warm_spares": 0,
            "cancel_seconds": 0.2,
        },
    }
    for name, traits in settings.items():
        config.setdefault(name, {}).update(traits)
    return config


@pytest.fixture
def extension(jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop) -> HitlExtension:
    """The extension, started: pytest-jupyter's server loads extensions but leaves out this step of a real one."""
    (app,) = jp_serverapp.extension_manager.extension_apps["hitl_jupyter"]
    assert isinstance(app, HitlExtension)
    jp_asyncio_loop.run_until_complete(app._start_jupyter_server_extension(jp_serverapp))
    return app


@pytest.fixture
def api(extension: HitlExtension, jp_fetch: Fetch) -> Api:
    return Api(jp_fetch)


@pytest.fixture
def watch(extension: HitlExtension, jp_ws_fetch: Connect) -> Watch:
    """Watch a path: ``async with watch("hitl/ws/<id>", after=3) as watcher``."""

    @contextlib.asynccontextmanager
    async def connected(
        path: str, *, headers: dict[str, str] | None = None, batch: bool = False, **query: Any
    ) -> AsyncIterator[Watcher]:
        subprotocols = [BATCH_SUBPROTOCOL] if batch else None
        socket = await jp_ws_fetch(path, headers=dict(headers or {}), params=query, subprotocols=subprotocols)
        try:
            yield Watcher(socket)
        finally:
            socket.close()

    return connected
