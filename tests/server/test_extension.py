from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jupyter_server.serverapp import ServerApp

from hitl_jupyter.server.extension import HitlExtension, extension_points
from hitl_jupyter.server.sockets import ACTIVITY_SETTING
from tests.server.conftest import NO_CREDENTIALS, REPOSITORY, Api, Watch
from tests.support.waiting import eventually_async


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    static = tmp_path / "static"
    static.mkdir()
    (static / "widget.js").write_text("export default {}")
    return {"HitlExtension": {"static_paths": [str(static)]}}


async def test_the_widgets_script_needs_no_login_and_nothing_beside_it_is_served(api: Api) -> None:
    script = await api("GET", "static/hitl_jupyter/widget.js", headers=NO_CREDENTIALS)
    assert (script.status, script.body) == (200, b"export default {}")
    for path in ("static/hitl_jupyter/../secret", "static/hitl_jupyter/..%2fsecret"):
        assert (await api("GET", path, headers=NO_CREDENTIALS)).status in (403, 404)


def test_the_package_says_where_the_extension_is() -> None:
    (point,) = extension_points()
    assert point == {"module": "hitl_jupyter", "app": HitlExtension}
    config = msgspec.json.decode((REPOSITORY / "jupyter-config/server-config/hitl_jupyter.json").read_bytes())
    assert config == {"ServerApp": {"jpserver_extensions": {"hitl_jupyter": True}}}


async def _begin(api: Api, watch: Watch, task: str, status: str) -> str:
    session_id = await api.start(task)
    async with watch(f"hitl/ws/{session_id}") as watcher:
        await watcher.until("status", status=status)
    return session_id


async def test_a_running_session_is_activity_and_so_is_one_that_waits(
    api: Api, watch: Watch, extension: HitlExtension
) -> None:
    assert extension.current_activity() is None
    await _begin(api, watch, "work", "running")
    assert extension.current_activity() == {"live_sessions": 1, "waiting_sessions": 0}
    await _begin(api, watch, "sure", "waiting")
    assert extension.current_activity() == {"live_sessions": 2, "waiting_sessions": 1}


async def test_a_waiting_session_is_no_activity_where_it_is_so_configured(
    api: Api, watch: Watch, extension: HitlExtension
) -> None:
    await _begin(api, watch, "sure", "waiting")
    extension.waiting_counts_as_activity = False
    assert extension.current_activity() is None
    await _begin(api, watch, "work", "running")
    assert extension.current_activity() == {"live_sessions": 2, "waiting_sessions": 1}


@pytest.mark.parametrize(("task", "status"), [("work", "running"), ("sure", "waiting")])
async def test_jupyter_and_its_hub_learn_of_a_session_that_is_activity(
    api: Api, watch: Watch, extension: HitlExtension, task: str, status: str
) -> None:
    await _begin(api, watch, task, status)
    app = extension._server()
    assert extension in app.extension_manager.extension_apps["hitl_jupyter"], "Jupyter asks it before it shuts down"
    assert extension.current_activity()
    assert ACTIVITY_SETTING not in app.web_app.settings
    reporting = asyncio.create_task(extension._report_activity())
    reported = await eventually_async(_setting(app), "the activity is reported")
    reporting.cancel()
    hubs = await api("GET", "api/status", query={"no_track_activity": "1"})
    assert datetime.fromisoformat(hubs.json["last_activity"]) >= reported


def _setting(app: ServerApp) -> Callable[[], Awaitable[datetime | None]]:
    async def look() -> datetime | None:
        return app.web_app.settings.get(ACTIVITY_SETTING)

    return look


async def test_what_a_person_says_is_activity(api: Api, watch: Watch, extension: HitlExtension) -> None:
    session_id = await api.start("sure")
    web_app = extension._server().web_app
    assert ACTIVITY_SETTING not in web_app.settings
    async with watch(f"hitl/ws/{session_id}") as watcher:
        await watcher.error({"type": "confirm", "value": True, "request_id": "none"})
    status = await api("GET", "api/status", query={"no_track_activity": "1"})
    assert datetime.fromisoformat(status.json["last_activity"]) >= web_app.settings[ACTIVITY_SETTING]


async def test_stopping_twice_or_before_the_start_is_harmless(extension: HitlExtension) -> None:
    await extension.stop_extension()
    await asyncio.wait_for(extension.stop_extension(), 5)
