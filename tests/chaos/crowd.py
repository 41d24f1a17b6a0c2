"""The load of a monkey run: people who start, answer, retry and cancel over HTTP, and viewers on sockets.

Each is a thread with dice of its own. They know nothing of what the monkey does; what breaks is written down as
unknown and repeated with the same idempotency key, by whoever comes by next.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from typing import Any, Literal

import websocket

from hitl_jupyter.protocol import BATCH_SUBPROTOCOL, split_batch
from tests.chaos.history import Reader, Refused, Unknown, What
from tests.chaos.world import ENDED, REPOSITORY, World

Command = dict[str, Any]

TASK = "tests.chaos.tasks:errand"
CANCELS = 0.03
DECLINES = 0.2
LOOK_SECONDS = 0.2
CONNECT_SECONDS = 5.0


def plan(rng: random.Random) -> list[list[Any]]:
    """What a task is to do: a few steps of every kind."""
    kinds: list[list[Any]] = [
        ["stream", rng.randint(1, 200)],
        ["stream", rng.randint(1, 40), 0.02],
        ["sleep", rng.random()],
        ["spin", rng.random() / 2],
        ["form", "form"],
        ["confirm", "confirm"],
        ["hurry", "hurry", rng.random()],
        ["twice", "twice"],
        ["again"],
        ["fail", rng.randint(1, 3)],
    ]
    return rng.sample(kinds, rng.randint(3, 7))


class Crowd:
    """Everybody who has to do with a world's sessions."""

    def __init__(self, world: World, rng: random.Random, *, people: int, live: int) -> None:
        self.world = world
        self.live: dict[str, Viewer] = {}
        """The sessions that somebody knows and that have not been seen to end, each with its viewer."""
        self.sent: dict[str, Command] = {}
        """The command of each request whose outcome nobody knows: it is repeated as it was."""
        self.home = threading.Event()
        """Set when everybody is to go home."""
        dice = [random.Random(rng.random()) for _ in range(people + 1)]
        starter = threading.Thread(target=self._start, args=(dice[0], live), name="starter")
        folk = [
            threading.Thread(target=self._live, args=(f"person-{number}", mine), name=f"person-{number}")
            for number, mine in enumerate(dice[1:])
        ]
        self._threads = [starter, *folk]

    def begin(self) -> None:
        """Let them come."""
        for thread in self._threads:
            thread.start()

    def go_home(self) -> None:
        """Have them all leave, viewers too."""
        self.home.set()
        for thread in [*self._threads, *self.viewers()]:
            thread.join(60)

    def viewers(self) -> list[Viewer]:
        """Who watches now."""
        return list(self.live.values())

    # -- who starts --------------------------------------------------------------------------------------------------

    def _start(self, rng: random.Random, live: int) -> None:
        while not self.home.wait(0.1):
            if len(self.live) < live:
                self._start_one(rng)

    def _start_one(self, rng: random.Random) -> None:
        key = self.world.history.next_key()
        start: Command = {"task": TASK, "title": key, "idempotency_key": key}
        start["params"] = {"ledger": str(self.world.ledger(key)), "plan": plan(rng)}
        if rng.random() < 0.8:  # the others are checked by a worker that describes the tasks
            start["env"] = {"cwd": str(REPOSITORY)}
        for _ in range(rng.choice([1, 1, 1, 2])):  # a double click
            while (reply := self.send("starter", "start", None, start)) is None and not self.home.wait(0.1):
                continue
        if reply is not None and "session_id" in reply:
            self._know(reply["session_id"], rng)

    def _know(self, session_id: str, rng: random.Random) -> None:
        viewer = Viewer(self, session_id, batch=rng.random() < 0.5)
        self.live[session_id] = viewer
        viewer.start()

    # -- who answers -------------------------------------------------------------------------------------------------

    def _live(self, name: str, rng: random.Random) -> None:
        while not self.home.wait(rng.random() * 0.3):
            known = list(self.live)
            if known:
                self.visit(name, rng.choice(known), rng)

    def visit(self, name: str, session_id: str, rng: random.Random, *, cancels: float = CANCELS) -> None:
        """Look at one session, and do one thing about it."""
        snapshot = self.read(name, session_id)
        if snapshot is None:
            return
        if snapshot["status"] in ENDED:
            self.live.pop(session_id, None)
        elif rng.random() < cancels:
            self.send(name, "cancel", session_id, {"force": rng.random() < 0.3})
        elif snapshot["open_requests"]:
            self._answer(name, session_id, rng.choice(snapshot["open_requests"]), rng)

    def read(self, name: str, session_id: str) -> dict[str, Any] | None:
        """A session's snapshot, None where it cannot be had now."""
        try:
            with self.world.history.asking(name, "read", session_id) as reply:
                snapshot: dict[str, Any] = self.world.call("GET", f"sessions/{session_id}")
                reply["last_seq"] = snapshot["last_seq"]
        except (Refused, Unknown):
            return None
        return snapshot

    def _answer(self, name: str, session_id: str, request: dict[str, Any], rng: random.Random) -> None:
        request_id = request["request_id"]
        command = self.sent.pop(request_id, None) or self.command(request, rng)
        if self.send(name, "answer", session_id, command) is None:
            self.sent[request_id] = command

    def command(self, request: dict[str, Any], rng: random.Random) -> Command:
        """An answer of the kind that a request wants, with words of its own."""
        key = self.world.history.next_key()
        named: Command = {"request_id": request["request_id"], "idempotency_key": key}
        if request["type"] == "request_user_input":
            return {"type": "user_input", "values": {"word": key}, **named}
        if request["type"] == "request_confirmation":
            return {"type": "confirm", "value": rng.random() < 0.5, "comment": key, **named}
        return {"type": "retry", "value": rng.random() > DECLINES, "answers": rng.choice(["ask", "reuse"]), **named}

    def send(self, name: str, what: What, session_id: str | None, asked: Command) -> dict[str, Any] | None:
        """Send a command; its reply or its refusal, None where nobody knows what it came to."""
        route = {"start": "start-task", "answer": f"answer/{session_id}", "cancel": f"cancel-task/{session_id}"}[what]
        try:
            with self.world.history.asking(name, what, session_id, **asked) as reply:
                reply.update(self.world.call("POST", route, asked))
        except Refused as refused:
            return refused.reply
        except Unknown:
            return None
        return reply


class Viewer(threading.Thread):
    """Watches a session until it has ended, over as many connections as it takes."""

    def __init__(self, crowd: Crowd, session_id: str, *, batch: bool) -> None:
        super().__init__(name=f"viewer of {session_id}")
        self.trouble: Literal["reset", "stall"] | None = None
        """What is to happen to its connection next."""
        self._crowd = crowd
        self._reader = Reader(self.name, session_id, crowd.world.history)
        self._batch = batch
        self._over = False
        self._stalled: list[websocket.WebSocket] = []

    def run(self) -> None:
        while not (self._over or self._crowd.home.wait(0.05)):
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self._watch_once()
        for each in self._stalled:
            _let_go(each)

    def _watch_once(self) -> None:
        connection = self._connect()
        try:
            self._reader.connected()
            while not (self._over or self._crowd.home.is_set()):
                if (trouble := self._take_trouble()) == "reset":
                    _reset(connection)
                    return
                if trouble == "stall":  # the server goes on sending to a peer that reads no more
                    self._stalled.append(connection)
                    return
                with contextlib.suppress(websocket.WebSocketTimeoutException):
                    self._take(connection.recv())
        finally:
            if connection not in self._stalled:
                _let_go(connection)

    def _take_trouble(self) -> str | None:
        trouble, self.trouble = self.trouble, None
        return trouble

    def _connect(self) -> websocket.WebSocket:
        server, reader = self._crowd.world.server, self._reader
        epoch = f"&epoch={reader.epoch}" if reader.epoch else ""
        url = server.hitl.replace("http", "ws", 1) + f"ws/{reader.session_id}?after={reader.last}{epoch}"
        connection = websocket.create_connection(
            url,
            timeout=CONNECT_SECONDS,
            header={"Authorization": f"token {server.token}"},
            subprotocols=[BATCH_SUBPROTOCOL] if self._batch else None,
        )
        connection.settimeout(LOOK_SECONDS)
        return connection

    def _take(self, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        if not data:
            raise websocket.WebSocketConnectionClosedException("closed")
        raws = split_batch(data if self._batch else b"[" + data + b"]")
        for message in self._reader.take(raws):
            self._over |= message["type"] == "status" and message["status"] in ENDED


def _let_go(connection: websocket.WebSocket) -> None:
    """Close it without the closing handshake: whoever is at the other end may be dead."""
    if connection.sock is not None:
        connection.sock.close()


def _reset(connection: websocket.WebSocket) -> None:
    """End it without a word: what was under way is lost, and the peer is told so by the network alone."""
    assert connection.sock is not None
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.sock.close()
