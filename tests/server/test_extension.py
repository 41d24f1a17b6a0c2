from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_jupyter.server.extension import HitlExtension, extension_points
from hitl_jupyter.server.sockets import ACTIVITY_SETTING
from tests.server.conftest import NO_CREDENTIALS, REPOSITORY, Api, Watch


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


async def test_a_running_session_is_activity_and_a_waiting_one_only_if_configured(
    api: Api, watch: Watch, extension: HitlExtension
) -> None:
    assert extension.current_activity() is None
    session_id = await api.start("sure")
    async with watch(f"hitl/ws/{session_id}") as watcher:
        await watcher.until("status", status="waiting")
    assert extension.current_activity() is None
    extension.waiting_counts_as_activity = True
    assert extension.current_activity() == {"live_sessions": 1, "waiting_sessions": 1}


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
