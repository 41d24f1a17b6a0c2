"""Every route, once: the server's URL patterns, its OpenAPI document and the tests are made from this table."""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import Struct
from tornado.web import RequestHandler

from hitl_jupyter.server import kernel_socket, rest, sockets
from hitl_jupyter.server.access import ANSWERS, KERNELS, SERVER, SESSIONS, TASKS, Action

Verb = Literal["GET", "POST", "DELETE", "WEBSOCKET"]
Ask = tuple[Action, str]


class Route(Struct, frozen=True, kw_only=True):
    """One path below the base URL, what answers it, and what the Authorizer is asked for each verb."""

    path: str
    handler: type[RequestHandler]
    verbs: dict[Verb, tuple[Ask, ...]]

    @property
    def pattern(self) -> str:
        """The path as the regular expression that tornado matches."""
        return "/" + re.sub(r"{\w+}", r"([^/]+)", self.path)


ROUTES: tuple[Route, ...] = (
    Route(
        path="hitl/start-task",
        handler=rest.StartTaskHandler,
        verbs={"POST": (("write", SESSIONS), ("execute", KERNELS))},
    ),
    Route(path="hitl/cancel-task/{session_id}", handler=rest.CancelTaskHandler, verbs={"POST": (("write", SESSIONS),)}),
    Route(path="hitl/session-info/{session_id}", handler=rest.SessionInfoHandler, verbs={"GET": (("read", SESSIONS),)}),
    Route(path="hitl/answer/{session_id}", handler=rest.AnswerHandler, verbs={"POST": (("write", ANSWERS),)}),
    Route(path="hitl/sessions", handler=rest.SessionsHandler, verbs={"GET": (("read", SESSIONS),)}),
    Route(
        path="hitl/sessions/{session_id}",
        handler=rest.SessionHandler,
        verbs={"GET": (("read", SESSIONS),), "DELETE": (("write", SESSIONS),)},
    ),
    Route(path="hitl/sessions/{session_id}/events", handler=rest.EventsHandler, verbs={"GET": (("read", SESSIONS),)}),
    Route(path="hitl/sessions/{session_id}/output", handler=rest.OutputHandler, verbs={"GET": (("read", SESSIONS),)}),
    Route(path="hitl/sessions/{session_id}/result", handler=rest.ResultHandler, verbs={"GET": (("read", SESSIONS),)}),
    Route(path="hitl/tasks", handler=rest.TasksHandler, verbs={"GET": (("read", TASKS),)}),
    Route(path="hitl/health", handler=rest.HealthHandler, verbs={"GET": (("read", SERVER),)}),
    Route(path="hitl/openapi.json", handler=rest.OpenApiHandler, verbs={"GET": (("read", SERVER),)}),
    Route(path="hitl/ws/{session_id}", handler=sockets.SessionSocket, verbs={"WEBSOCKET": (("execute", SESSIONS),)}),
    Route(
        path="hitl/worker/{launch_id}",
        handler=kernel_socket.KernelSocket,
        verbs={"WEBSOCKET": (("write", SESSIONS), ("execute", KERNELS))},
    ),
    Route(path="hitl/ws", handler=sockets.FeedSocket, verbs={"WEBSOCKET": (("execute", SESSIONS),)}),
)


def tornado_handlers() -> list[tuple[Any, ...]]:
    """What an ExtensionApp puts into the server; the last one catches what is no route of ours."""
    listed = [(route.pattern, route.handler) for route in ROUTES]
    return [*listed, (r"/hitl(?:/.*)?", rest.UnknownRouteHandler)]
