"""The widget and its relay, between a page that is played here and a server that is not needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from hitl_jupyter.errors import NotFound
from hitl_jupyter.final_output import SESSION_MIME
from hitl_jupyter.notebook.client import Client
from hitl_jupyter.notebook.fallback import live_output, mime_bundle
from hitl_jupyter.notebook.relay import Relay
from hitl_jupyter.notebook.server_host import ServerHost
from hitl_jupyter.notebook.widget import STUB, SessionWidget
from hitl_jupyter.protocol import RequestResolved, Stream, encode
from tests.support.waiting import eventually

LINE = Stream(session_id="s", seq=99, content="a")
SETTLED = RequestResolved(session_id="s", seq=100, request_id="r", outcome="answered", value=True)

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


class Page:
    """What a page got: messages and their buffers."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, Any], list[bytes]]] = []

    def send(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        self.got.append((message, buffers))

    def one(self) -> tuple[dict[str, Any], list[bytes]]:
        return eventually(lambda: self.got, "the page gets a message")[-1]


class OneSession(Client):
    """A server with nothing but one session's routes."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[tuple[str, Any]] = []
        self.asked: list[tuple[str, Any]] = []

    def post(self, path: str, body: Any) -> Any:
        self.posted.append((path, msgspec.to_builtins(body)))
        return {"status": "cancelling"} if path.startswith("cancel") else msgspec.to_builtins(SETTLED)

    def get_bytes(self, path: str, **query: Any) -> bytes:
        self.asked.append((path, query))
        return encode([LINE])

    def connect(self, path: str, query: Any, timeout: float = 5.0, subprotocols: Any = ()) -> Any:
        raise NotFound("There is no such session.")


@pytest.fixture
def server() -> OneSession:
    return OneSession()


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def relay(server: OneSession, page: Page) -> Iterator[Relay]:
    relay = Relay(ServerHost(server), "s", page.send)
    yield relay
    relay.close()


@pytest.fixture
def widget(server: OneSession) -> Iterator[SessionWidget]:
    widget = SessionWidget(str(uuid4()), "Train model", ServerHost(server))
    yield widget
    widget.close()


def test_a_command_of_the_page_goes_to_its_route_and_is_replied(relay: Relay, server: OneSession, page: Page) -> None:
    relay.receive({"op": "command", "id": 7, "command": {"type": "confirm", "value": True, "request_id": "r"}})
    assert page.one() == ({"op": "reply", "id": 7, "ok": True, "body": msgspec.to_builtins(SETTLED)}, [])
    path, body = server.posted[0]
    assert (path, body["type"], body["value"], body["request_id"]) == ("answer/s", "confirm", True, "r")


def test_cancel_has_a_route_of_its_own(relay: Relay, server: OneSession, page: Page) -> None:
    relay.receive({"op": "command", "id": 1, "command": {"type": "cancel", "force": True}})
    assert page.one()[0]["body"] == {"status": "cancelling"}
    ((path, body),) = server.posted
    assert (path, body["force"], len(body["idempotency_key"])) == ("cancel-task/s", True, 32)


@pytest.mark.parametrize("command", [None, 3, {}, {"type": "nonsense"}, {"type": "confirm", "valeu": True}])
def test_what_is_no_command_gets_a_refusal(relay: Relay, server: OneSession, page: Page, command: object) -> None:
    relay.receive({"op": "command", "id": 2, "command": command})
    message, _ = page.one()
    assert (message["ok"], message["body"]["code"]) == (False, "malformed")
    assert server.posted == []


def test_a_draft_without_a_socket_is_refused_and_not_lost_silently(relay: Relay, page: Page) -> None:
    relay.receive({"op": "command", "id": 3, "command": {"type": "draft", "request_id": "r", "values": {}}})
    assert page.one()[0]["body"]["code"] == "wrong_state"


def test_older_events_are_fetched_for_the_page(relay: Relay, server: OneSession, page: Page) -> None:
    relay.receive({"op": "events", "id": 4, "before": 100, "limit": 50})
    assert page.one()[0]["body"] == msgspec.json.decode(encode([LINE]))
    assert server.asked == [("sessions/s/events", {"after": None, "before": 100, "limit": 50})]


def test_a_session_that_is_gone_is_told_as_an_error_message(relay: Relay, page: Page) -> None:
    relay.receive({"op": "watch", "after": 0, "tail": None})
    message, buffers = page.one()
    assert message == {"op": "messages"}
    assert msgspec.json.decode(buffers[0])[0]["code"] == "not_found"


@pytest.mark.parametrize("message", [{}, {"op": "nonsense"}, {"op": ["watch"]}, {"op": "unwatch"}])
def test_a_message_that_means_nothing_does_nothing(relay: Relay, page: Page, message: dict[str, Any]) -> None:
    relay.receive(message)
    assert page.got == []


def test_the_widget_says_the_same_text_every_time(widget: SessionWidget) -> None:
    assert repr(widget) == "hitl session 'Train model'"


def test_the_widgets_state_holds_a_stub_and_no_token(widget: SessionWidget) -> None:
    state = widget.get_state()
    assert state["_esm"] == STUB
    assert len(STUB) < 4000
    assert state["session_id"]
    assert not any("token" in str(name) for name in state)


def test_a_cell_output_has_our_type_the_widget_and_two_fallbacks(widget: SessionWidget) -> None:
    data, metadata = mime_bundle("the-id", live_output("A & B"), widget._repr_mimebundle_())
    assert data[SESSION_MIME] == {"version": 1}
    assert metadata[SESSION_MIME] == {"session_id": "the-id"}
    assert {WIDGET_MIME, "text/plain", "text/html"} < data.keys()
    assert "the-id" not in str({**data, WIDGET_MIME: None})
    assert "A &amp; B" in data["text/html"]
