"""Who is there to answer: said, or seen by how the notebook is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

import hitl_jupyter as hitl
from hitl_jupyter.notebook.attendance import asks_a_server, is_unattended
from hitl_jupyter.notebook.environment import worker_env
from tests.notebook.real_kernel import notebook_kernel
from tests.support.alone import Alone
from tests.support.jupyter_process import JupyterProcess
from tests.support.voila_process import voila
from tests.support.waiting import eventually

LOOK = "from hitl_jupyter.notebook.attendance import is_unattended\nprint(is_unattended())"
processes = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def as_a_script(no_server: None) -> Iterator[None]:
    """This process, which is no kernel and has nobody at a prompt."""
    yield
    hitl.unattended(None)


def test_a_plain_script_is_unattended() -> None:
    assert is_unattended()


@pytest.mark.parametrize(("value", "nobody"), [("1", True), ("true", True), ("0", False), (" No ", False), ("", True)])
def test_the_variable_says_it(monkeypatch: pytest.MonkeyPatch, value: str, nobody: bool) -> None:
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", value)
    assert is_unattended() is nobody


def test_what_the_variable_cannot_mean_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "maybe")
    with pytest.raises(hitl.Malformed, match=r"'maybe'\. Set it to 1 or 0"):
        is_unattended()


def test_what_was_said_in_python_counts_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_JUPYTER_UNATTENDED", "1")
    hitl.unattended(False)
    assert not is_unattended()
    hitl.unattended(None)
    assert is_unattended()
    with pytest.raises(TypeError, match="True, False or None"):
        hitl.unattended("yes")  # type: ignore[arg-type]


def test_a_server_named_by_hand_means_the_people_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_JUPYTER_URL", "http://127.0.0.1:8888/")
    assert not is_unattended()
    hitl.unattended()
    assert is_unattended()


def test_a_worker_is_as_attended_as_who_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (worker_env().environ or {})["HITL_JUPYTER_UNATTENDED"] == "1"
    hitl.unattended(False)
    assert "HITL_JUPYTER_UNATTENDED" not in (worker_env().environ or {})
    hitl.unattended(None)
    monkeypatch.setenv("HITL_LAUNCH", "a launch")
    assert not is_unattended()


def test_a_server_is_asked_only_where_nobody_is_there_and_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not asks_a_server()
    monkeypatch.setenv("HITL_JUPYTER_ASK", "http://127.0.0.1:8888/")
    assert asks_a_server()
    hitl.unattended(False)
    assert not asks_a_server()


class TestKernels:
    """Real ones."""

    pytestmark = processes

    def test_a_kernel_that_a_page_runs_is_attended_also_between_cells(self, module_server: JupyterProcess) -> None:
        with notebook_kernel(module_server, "a.ipynb") as kernel:
            assert kernel.run(LOOK).text == "False\n"
            later = (
                "import threading, time\nstarted = threading.Event()\nseen = []\n"
                "def look():\n    started.wait()\n    seen.append(is_unattended())\n"
                "thread = threading.Thread(target=look)\nthread.start()"
            )
            kernel.run(later)
            assert kernel.run("started.set(); thread.join(); print(seen)").text == "[False]\n"

    def test_nbclient_and_papermill_are_unattended(self, tmp_path: Path) -> None:
        alone = Alone(tmp_path)
        thread = (
            "import threading\nthread = threading.Thread(target=lambda: print(is_unattended()))\n"
            "thread.start(); thread.join()"
        )
        notebook = alone.notebook(LOOK, thread, "import hitl_jupyter as hitl\nhitl.unattended(False)", LOOK)
        for done in (alone.papermill(notebook), alone.nbclient(notebook)):
            assert [outputs[0]["text"] for outputs in done.outputs if outputs] == ["True\n", "True\n", "False\n"]

    def test_vs_code_is_attended_and_has_a_store_for_the_notebook(self, tmp_path: Path) -> None:
        alone = Alone(tmp_path)
        named = f"__vsc_ipynb_file__ = {str(tmp_path / 'notebook.ipynb')!r}"
        host = "from hitl_jupyter.notebook.hosts import current_host\nprint(current_host())"
        shown = "import hitl_jupyter as hitl\nhitl.start('hitl_jupyter.demo:simulate_streaming', lines=1)"
        done = alone.nbclient(alone.notebook(named, LOOK, host, shown))
        assert [outputs[0]["text"] for outputs in done.outputs[1:3]] == ["False\n", "EmbeddedHost(private=False)\n"]
        assert "application/vnd.jupyter.widget-view+json" in done.outputs[3][0]["data"]
        assert len(list((tmp_path / "data" / "hitl_jupyter_notebooks").iterdir())) == 1

    def test_voila_is_attended(self, tmp_path: Path) -> None:
        alone = Alone(tmp_path)
        told = tmp_path / "told"
        source = "from pathlib import Path\nfrom hitl_jupyter.notebook.attendance import is_unattended\n"
        notebook = alone.notebook(f"{source}Path({str(told)!r}).write_text(str(is_unattended()))")
        with voila(notebook, alone.environ()) as url:
            with urlopen(url, timeout=60) as page:
                page.read()
            eventually(lambda: told.exists() and told.read_text(), "the notebook has run", within=60)
        assert told.read_text() == "False"
