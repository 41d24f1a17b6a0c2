"""A server extension that measures how late the server's event loop is, from inside."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

TICK_SECONDS = 0.005


class Lag:
    """Wakes every tick and notes how many seconds too late it was."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._schedule()

    def _schedule(self) -> None:
        self._due = self._loop.time() + TICK_SECONDS
        self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self.samples.append(self._loop.time() - self._due)
        self._schedule()


class LagHandler(APIHandler):
    """``POST``: the samples since the last call, in seconds."""

    auth_resource = "benchmarks:lag"

    @web.authenticated
    @authorized(action="write", resource="benchmarks:lag")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        lag: Lag = self.settings["benchmarks_lag"]
        taken, lag.samples = lag.samples, []
        self.finish(json.dumps(taken))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "benchmarks.probe"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    route = url_path_join(app.base_url, "benchmarks/lag")
    app.web_app.add_handlers(".*$", [(route, LagHandler)])  # type: ignore[no-untyped-call]


async def _start_jupyter_server_extension(app: Any) -> None:
    app.web_app.settings["benchmarks_lag"] = Lag()
