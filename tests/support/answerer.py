"""Somebody who answers: watches all sessions of a server and posts scripted answers over REST, as a person would.

A script maps a question's key to its answers, in order: ``true`` or ``false`` for a confirmation, an object for a
form; "try again?" has the key ``retry``. A question that is not in the script cancels its session, so that a notebook
fails at once and does not wait for an answer that will never come.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.abc import TaskGroup
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from hitl_jupyter.states import ENDED
from tests.support.jupyter_process import JupyterProcess

CLOSING_SECONDS = 5

Script = dict[str, list[Any]]
Message = dict[str, Any]


class Answerer:
    """Answers the questions of one server; what is left of ``script`` was never asked, ``troubles`` went wrong."""

    def __init__(self, server: JupyterProcess, script: Script) -> None:
        self.script = {key: list(answers) for key, answers in script.items()}
        self.troubles: list[str] = []
        self._server = server
        self._followed: set[str] = set()

    @property
    def left(self) -> Script:
        """The answers that nobody asked for."""
        return {key: answers for key, answers in self.script.items() if answers}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Answerer]:
        """Answer for the length of a block."""
        async with anyio.create_task_group() as group:
            feed = await self._connect("ws")
            group.start_soon(self._watch, feed, group)
            yield self
            group.cancel_scope.cancel()

    async def _connect(self, path: str) -> WebSocketClientConnection:
        url = self._server.hitl.replace("http://", "ws://", 1) + path
        return await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {self._server.token}"}))

    async def _watch(self, feed: WebSocketClientConnection, group: TaskGroup) -> None:
        async for message in _messages(feed):
            summary = message.get("summary") or {}
            session_id = summary.get("session_id")
            if session_id and session_id not in self._followed and summary["status"] not in ENDED:
                self._followed.add(session_id)
                group.start_soon(self._follow, session_id)

    async def _follow(self, session_id: str) -> None:
        history: dict[str, Message] | None = {}
        async for message in _messages(await self._connect(f"ws/{session_id}")):
            if message["type"] == "request_resolved" and history is not None:
                history.pop(message["request_id"], None)
            elif message["type"] == "state_replay_complete" and history is not None:
                for question in history.values():
                    await self._answer(question)
                history = None
            elif _is_question(message) and history is not None:
                history[message["request_id"]] = message
            elif _is_question(message):
                await self._answer(message)

    async def _answer(self, question: Message) -> None:
        session_id, key = question["session_id"], _key(question)
        answers = self.script.get(key or "")
        if not answers:
            await self._post(f"hitl/cancel-task/{session_id}", {})
            self.troubles.append(f"Nothing in the script answers {key!r}: {question.get('message', question)!r}")
            return
        await self._post(f"hitl/answer/{session_id}", _command(question, answers.pop(0)))

    async def _post(self, path: str, body: Message) -> None:
        reply = await anyio.to_thread.run_sync(self._server.request, "POST", path, body)
        if reply.status >= 300:
            self.troubles.append(f"{path} with {body} was refused with {reply.status}: {reply.body.decode()}")


@contextmanager
def answering(server: JupyterProcess, script: Script) -> Iterator[Answerer]:
    """Have ``server``'s questions answered by ``script`` in the background, for the length of a block."""
    answerer = Answerer(server, script)
    with anyio.from_thread.start_blocking_portal() as portal, portal.wrap_async_context_manager(answerer.running()):
        yield answerer


async def _messages(socket: WebSocketClientConnection) -> AsyncIterator[Message]:
    try:
        while (frame := await socket.read_message()) is not None:
            read = json.loads(frame)
            for message in read if isinstance(read, list) else [read]:
                yield message
    finally:
        # Wait until it is closed: the event loop ends soon, and would leave an open descriptor behind.
        socket.close()
        with anyio.move_on_after(CLOSING_SECONDS, shield=True):
            while await socket.read_message() is not None:
                pass


def _is_question(message: Message) -> bool:
    return message["type"] in ("request_confirmation", "request_user_input", "task_failed") and bool(
        message.get("request_id")
    )


def _key(question: Message) -> str | None:
    return "retry" if question["type"] == "task_failed" else question.get("key")


def _command(question: Message, answer: Any) -> Message:
    command: Message = {"request_id": question["request_id"]}
    match question["type"]:
        case "request_confirmation":
            return {**command, "type": "confirm", "value": answer}
        case "task_failed":
            return {**command, "type": "retry", "value": answer}
        case _:
            return {**command, "type": "user_input", "values": answer}
