"""The documents say what the code has: every name is there, every link leads somewhere, every snippet runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import hitl_jupyter as hitl
from hitl_jupyter import errors, protocol, summary
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.server.extension import HitlExtension
from hitl_jupyter.server.routes import ROUTES, Route
from tests.support.answerer import answering
from tests.support.jupyter_process import JupyterProcess

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PROTOCOL = (ROOT / "docs/protocol.md").read_text()
ALL = "\n".join(path.read_text() for path in DOCUMENTS)

EVERY_EVENT_HAS = {"session_id", "seq", "timestamp", "attempt"}
MESSAGES: list[type[msgspec.Struct]] = [
    *get_args(protocol.ServerMessage),
    *get_args(protocol.Command),
    *get_args(summary.FeedMessage),
]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def named(path: Path) -> str:
    """A document's name in a test's id."""
    return str(path.relative_to(ROOT))


def subclasses(kind: type[errors.HitlError]) -> set[type[errors.HitlError]]:
    """All errors below one."""
    children = set(kind.__subclasses__())
    return children.union(*(subclasses(child) for child in children))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_is_in_the_protocols_table(route: Route) -> None:
    path = route.path.removeprefix("hitl/")
    for verb in route.verbs:
        assert f"`{path}`" in PROTOCOL if verb == "WEBSOCKET" else f"`{verb} {path}`" in PROTOCOL


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_every_message_and_every_field_of_it_is_in_the_protocol(message: type[msgspec.Struct]) -> None:
    assert f"`{message.__struct_config__.tag}`" in PROTOCOL
    fields = set(message.__struct_fields__) - EVERY_EVENT_HAS
    assert not [name for name in fields if f"`{name}`" not in PROTOCOL]


@pytest.mark.parametrize("kind", [protocol.StartTask, summary.Summary], ids=lambda kind: kind.__name__)
def test_every_field_of_a_start_and_of_a_summary_is_in_the_protocol(kind: type[msgspec.Struct]) -> None:
    assert not [name for name in kind.__struct_fields__ if f"`{name}`" not in PROTOCOL]


def test_every_code_a_server_refuses_with_is_in_the_protocol() -> None:
    in_python_only = {
        errors.NoServer, errors.SeveralServers, errors.VersionMismatch, errors.TaskFailed, errors.TaskCancelled,
        errors.NotConfirmed, errors.DeadlineExpired, errors.ReplayMismatch, errors.NoAnswer, errors.AnswersOutdated,
        errors.AnswersUnused,
    }  # fmt: skip
    codes = {kind.code for kind in subclasses(errors.HitlError) - in_python_only}
    assert not [code for code in sorted(codes) if f"`{code}`" not in PROTOCOL]


def test_every_setting_of_the_server_is_documented() -> None:
    own = {name for name, trait in HitlExtension.class_own_traits().items() if trait.metadata.get("config")}
    assert set(Limits.__struct_fields__) <= own
    assert not [name for name in sorted(own) if f"`{name}`" not in ALL]


@pytest.mark.parametrize("kind", [hitl.Context, hitl.SyncContext, hitl.Session])
def test_every_method_an_author_can_call_is_documented(kind: type) -> None:
    public = {name for name in dir(kind) if not name.startswith("_")} - {
        "declined",
        "main",
        "only_waits",
        "waiting",
    }  # the worker's own
    assert not [name for name in public if not re.search(rf"`[\w.]*\b{name}\b", ALL)]


def test_every_public_name_is_documented() -> None:
    assert not [name for name in hitl.__all__ if not name.startswith("_") and not re.search(rf"\b{name}\b", ALL)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_to_a_file_leads_there(document: Path) -> None:
    linked = LINK.findall(document.read_text())
    assert not [target for target in linked if not (document.parent / target).exists()]


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b(?=[`\s])", "\n".join(_code(ALL)))) <= targets


def test_every_test_that_a_guarantee_names_exists() -> None:
    text = (ROOT / "docs/guarantees.md").read_text()
    for command in re.findall(r"`(tests/[^`]+)`", text):
        paths, _, words = command.partition(" -k ")
        files = [file for path in paths.split() for file in _test_files(ROOT / path)]
        names = " ".join(re.findall(r"def (test_\w+)", "".join(file.read_text() for file in files)))
        assert names, command
        assert not [word for word in re.findall(r"\w+", words) if word != "or" and word not in names], command


def _test_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.glob("test_*.py"))


def _code(text: str) -> list[str]:
    return re.findall(r"`[^`\n]+`", text) + re.findall(r"```.*?```", text, re.DOTALL)


@pytest.mark.processes
@pytest.mark.timeout(120)
@pytest.mark.parametrize("document", [path for path in DOCUMENTS if FENCE.search(path.read_text())], ids=named)
def test_every_python_snippet_runs(document: Path, module_server: JupyterProcess, tmp_path: Path) -> None:
    script = tmp_path / "snippets.py"
    script.write_text("\n\n".join(FENCE.findall(document.read_text())))
    answers = json.loads((ROOT / "tests/docs_answers.json").read_text())
    environment = {
        **module_server.variables,
        "HITL_JUPYTER_URL": module_server.url,
        "HITL_JUPYTER_TOKEN": module_server.token,
    }
    with answering(module_server, answers.get(named(document), {})) as answerer:
        done = subprocess.run(
            [sys.executable, str(script)],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not answerer.troubles
    assert not answerer.left, "asked less than the script answers"
