"""The Jupyter server extension: configuration, routes, and the session manager's life beside the server's."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AbstractAsyncContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from msgspec.structs import replace
from traitlets import Bool, CaselessStrEnum, List, Unicode, default

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import Policy, SessionManager
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.protocol import PROTOCOL_VERSION, WorkerEnv
from hitl_jupyter.server.access import GATE_SETTING, make_gate
from hitl_jupyter.server.handler import HOST_SETTING
from hitl_jupyter.server.host import EngineHost
from hitl_jupyter.server.openapi import document
from hitl_jupyter.server.rest import OPENAPI_SETTING
from hitl_jupyter.server.routes import ROUTES, tornado_handlers
from hitl_jupyter.server.runtime_file import RuntimeFile, local_address, new_secret, published
from hitl_jupyter.server.sockets import ACTIVITY_SETTING
from hitl_jupyter.server.traits import limit_traits, limits_of
from hitl_jupyter.version import __version__

STATIC = Path(__file__).parent.parent / "static"
ACTIVITY_SECONDS = 30.0


class HitlExtension(ExtensionApp):
    """Human-in-the-loop tasks, served under ``<base_url>hitl/``.

    Every trait is set in ``jupyter_hitl_jupyter_config.py`` or in the server's own configuration, for example
    ``c.HitlExtension.max_live_sessions = 50``.
    """

    name = "hitl_jupyter"

    store_dir = Unicode(help="The folder of the journal, the workers' socket and the results (mode 0700).").tag(
        config=True
    )
    worker_python = Unicode(
        sys.executable, help="The interpreter of workers whose start names none, and of the list of tasks."
    ).tag(config=True)
    default_tasks = List(
        Unicode(),
        list(Policy().default_tasks),
        help="A start that names no task gets one of these (module:function), at random.",
    ).tag(config=True)
    task_modules = List(Unicode(), help="Modules whose tasks GET tasks lists, beside those of entry points.").tag(
        config=True
    )
    ownership = CaselessStrEnum(
        ["auto", "server", "user"],
        "auto",
        help="Whose sessions are: 'server' makes all callers one owner; 'user' tells them apart by user name; 'auto' "
        "does the second where the identity provider gives stable names, which Jupyter's token and password do not.",
    ).tag(config=True)
    kernel_owner = Unicode(
        help="The user whom kernels of this server act as, where users are told apart; by default JUPYTERHUB_USER, or "
        "the account the server runs as."
    ).tag(config=True)
    on_disconnect = CaselessStrEnum(
        ["keep", "cancel"],
        "keep",
        help="What becomes of a session when its last viewer goes and no page of its people is open.",
    ).tag(config=True)
    on_shutdown = CaselessStrEnum(
        ["keep", "cancel"], "keep", help="What becomes of sessions when the server stops."
    ).tag(config=True)
    warm_spares = Bool(
        True, help="Whether a worker process is kept ready for the next start from the same environment."
    ).tag(config=True)
    waiting_counts_as_activity = Bool(
        True,
        help="Whether a session that waits for a person keeps the server from being shut down as idle, as one that "
        "runs does. Turn it off where a question may stay open for days and its server must not.",
    ).tag(config=True)

    locals().update(limit_traits())

    _host: EngineHost | None = None
    _reporting: asyncio.Task[None] | None = None

    @default("store_dir")
    def _default_store_dir(self) -> str:
        return str(Path(jupyter_data_dir()) / "hitl_jupyter")

    @default("static_paths")
    def _default_static_paths(self) -> list[str]:
        return [str(STATIC)]

    # -- what Jupyter calls

    def initialize_settings(self) -> None:
        """Put what the handlers need where they find it."""
        app = self._server()
        self._secret = new_secret()
        self._host = EngineHost(self._open_manager, self._limits(), self.log)
        self._published = ExitStack()
        self.settings[GATE_SETTING] = make_gate(self._secret, self.ownership, self.kernel_owner, app.identity_provider)
        self.settings[HOST_SETTING] = self._host
        self.settings[OPENAPI_SETTING] = document(ROUTES)

    def initialize_handlers(self) -> None:
        """Serve the routes."""
        self.handlers.extend(tornado_handlers())

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        host = self._engine_host()
        self._publish(serverapp)  # first: whoever calls while the journal is being opened waits for it
        await host.start()
        self._reporting = asyncio.create_task(self._report_activity(), name="hitl_jupyter activity")

    async def stop_extension(self) -> None:
        """Stop the sessions' host; what becomes of running sessions, ``on_shutdown`` says."""
        if self._host is None:
            return
        self._published.close()
        if self._reporting is not None:
            self._reporting.cancel()
        await self._host.stop()

    def current_activity(self) -> dict[str, int] | None:
        """The sessions under way, if they keep the server from shutting down for want of activity."""
        manager = self._host.current if self._host is not None else None
        if manager is None:
            return None
        health = manager.health()
        live, waiting = health["live_sessions"], health["waiting_sessions"]
        active = live if self.waiting_counts_as_activity else live - waiting
        return {"live_sessions": live, "waiting_sessions": waiting} if active else None

    # -- how

    def _open_manager(self) -> AbstractAsyncContextManager[SessionManager]:
        store = self._store()
        holder = f"the Jupyter server at {local_address(self._server())}"
        journal = SqliteJournal(store / "journal.sqlite", holder=holder)
        return SessionManager(journal, LocalLauncher(), store, self._limits(), self._policy())

    def _store(self) -> Path:
        return Path(self.store_dir).expanduser().absolute()

    def _limits(self) -> Limits:
        limits = limits_of(self)
        return limits if self.warm_spares else replace(limits, max_warm_spares=0)

    def _policy(self) -> Policy:
        return Policy(
            default_tasks=tuple(self.default_tasks),
            task_modules=tuple(self.task_modules),
            worker_env=WorkerEnv(python=self.worker_python),
            on_disconnect=self.on_disconnect,
            on_shutdown=self.on_shutdown,
        )

    def _publish(self, app: ServerApp) -> None:
        """Let kernels find us. Without the file they still can, by HITL_JUPYTER_URL."""
        content = RuntimeFile(
            pid=os.getpid(),
            url=local_address(app),
            secret=self._secret,
            version=__version__,
            protocol=PROTOCOL_VERSION,
            store=str(self._store()),
        )
        try:
            self._published.enter_context(published(Path(app.runtime_dir), content))
        except OSError as error:
            self.log.warning("hitl_jupyter: no runtime file, so kernels need HITL_JUPYTER_URL: %s", error)

    async def _report_activity(self) -> None:
        """Tell Jupyter, and through it JupyterHub's culler, while sessions count as activity."""
        while True:
            if self.current_activity():
                self._server().web_app.settings[ACTIVITY_SETTING] = datetime.now(UTC)
            await asyncio.sleep(ACTIVITY_SECONDS)

    def _engine_host(self) -> EngineHost:
        assert self._host is not None, "initialize_settings comes before start"
        return self._host

    def _server(self) -> ServerApp:
        assert self.serverapp is not None
        return self.serverapp


def extension_points() -> list[dict[str, Any]]:
    """What ``_jupyter_server_extension_points`` of the package root returns."""
    return [{"module": "hitl_jupyter", "app": HitlExtension}]
