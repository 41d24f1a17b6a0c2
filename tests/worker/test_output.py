"""What a task prints, logs, displays and draws, in real worker processes."""

from __future__ import annotations

import base64

import pytest

from hitl_jupyter.protocol import Display, Stream
from tests.support.fake_host import running

pytestmark = pytest.mark.processes


def test_prints_and_streams_keep_their_order() -> None:
    source = """
        import sys

        def go(ctx):
            for n in range(3):
                print("print", n)
                ctx.stream("stream", n)
                print("error", n, file=sys.stderr)
            print("no newline", end="")
    """
    with running(source) as host:
        host.end()
        expected = [(kind, n) for n in range(3) for kind in ("print", "stream", "error")]
        assert [event.content for event in host.of(Stream)] == [*(f"{k} {n}" for k, n in expected), "no newline"]
        assert host.lines("stderr") == ["error 0", "error 1", "error 2"]


def test_c_code_and_child_processes_are_heard() -> None:
    source = """
        import ctypes, os, subprocess, sys

        def go(ctx):
            os.write(1, b"by descriptor\\n")
            ctypes.CDLL(None).printf(b"by C\\n")
            subprocess.run(["sh", "-c", "echo from a shell; echo its error >&2"], check=True)
            subprocess.run([sys.executable, "-c", "print('from a child')"], stdout=sys.stdout, check=True)
            ctypes.CDLL(None).printf(b"by C, unfinished")
    """
    with running(source) as host:
        host.end()
        lines = host.lines("stdout")
        assert {"by descriptor", "by C", "from a shell", "from a child"} <= set(lines)
        assert lines[-1] == "by C, unfinished"
        assert host.lines("stderr") == ["its error"]


def test_a_redrawn_bar_is_shown_as_it_goes_and_kept_once() -> None:
    source = """
        import time
        from tqdm import tqdm

        def go(ctx):
            for _ in tqdm(range(4), desc="outer"):
                for _ in tqdm(range(3), desc="inner", leave=False):
                    time.sleep(0.05)
            print("after")
    """
    with running(source) as host:
        host.end()
        kept = host.lines("stderr")
        assert len(kept) == 1, kept
        assert kept[0].startswith("outer: 100%")
        shown = [event.content for event in host.transient]
        assert any("inner:" in content for content in shown)
        assert len(shown) < 20
        assert all(event.transient is True and event.source == "stderr" for event in host.transient)


def test_logging_arrives_with_its_level_whatever_the_task_configures() -> None:
    source = """
        import logging

        def go(ctx):
            logger = logging.getLogger("mine")
            logger.warning("before")
            logger.info("not shown")
            logging.basicConfig(level=logging.INFO)
            logger.info("after %s", 1)
            logging.error("at the root")
    """
    with running(source) as host:
        host.end()
        logged = [(event.content, event.level) for event in host.of(Stream) if event.source == "log"]
        assert logged == [("before", "warning"), ("mine: after 1", "info"), ("root: at the root", "error")]
        assert host.lines("stderr") == []


def test_long_lines_are_cut_and_odd_text_is_made_sendable() -> None:
    source = r"""
        def go(ctx):
            print("x" * 200_000)
            print("half a pair: \ud800")
            ctx.stream("é" * 40_000)
    """
    with running(source) as host:
        host.end()
        printed = host.lines("stdout")
        assert [len(line) for line in printed[:4]] == [65536, 65536, 65536, 3392]
        assert printed[4] == "half a pair: ?"
        assert [len(line.encode()) for line in host.lines("task")] == [65536, 14464]


def test_display_works_as_in_a_notebook_with_and_without_its_import() -> None:
    source = """
        import pandas as pd

        def go(ctx):
            from IPython.display import Markdown, clear_output, display as imported, update_display
            df = pd.DataFrame({"a": [1, 2]})
            imported(df)
            display(Markdown("**bold**"))
            handle = display({"n": 1}, display_id="mine")
            handle.update({"n": 2})
            ctx.display(df)
            for n in range(2):
                clear_output(wait=True)
                display(n)
    """
    with running(source) as host:
        host.end()
        shown = host.of(Display)
        assert "<table" in shown[0].data["text/html"]
        assert shown[1].data["text/markdown"] == "**bold**"
        assert [(each.display_id, each.data["text/plain"]) for each in shown[2:4]] == [
            ("mine", "{'n': 1}"),
            ("mine", "{'n': 2}"),
        ]
        assert "<table" in shown[4].data["text/html"]
        assert shown[5].display_id == shown[6].display_id is not None


def test_display_of_the_notebook_needs_no_import_at_all() -> None:
    with running("def go(ctx): display('plain')") as host:
        host.end()
        assert host.of(Display)[0].data["text/plain"] == "'plain'"


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "agg"])
def test_figures_are_shown_where_the_task_shows_them_and_open_ones_at_the_end(backend: str) -> None:
    source = """
        def go(ctx):
            import matplotlib.pyplot as plt
            if "inline" in plt.get_backend():
                plt.plot([1, 2])
                plt.show()
                ctx.stream("shown")
            plt.figure()
            plt.plot([2, 1])
    """
    with running(source, environ={"MPLBACKEND": backend}) as host:
        host.end()
        kinds = [type(event).__name__ for event in host.events if isinstance(event, (Display, Stream))]
        assert kinds == (["Display", "Stream", "Display"] if "inline" in backend else ["Display"]), host.events
        for display in host.of(Display):
            assert base64.b64decode(display.data["image/png"]).startswith(b"\x89PNG")


def test_a_worker_leaves_nothing_in_the_home_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    with running("def go(ctx): display(1)", environ={"HOME": str(home)}) as host:
        host.end()
    assert [entry.name for entry in home.iterdir()] == []


def test_the_last_line_by_descriptor_is_kept_while_much_else_is_still_being_read() -> None:
    source = """
        import os, sys, time

        def go(ctx):
            sys.setswitchinterval(1e-5)
            os.write(2, (b"x" * 20 + b"\\n") * 45_000)
            time.sleep(0.02)
            os.write(1, b"the last line\\n")
    """
    for _ in range(4):
        with running(source) as host:
            host.end()
            assert host.lines("stdout") == ["the last line"]


def test_a_flood_on_one_descriptor_does_not_stop_who_writes_to_the_other() -> None:
    source = """
        import os, subprocess

        def go(ctx):
            flood = subprocess.Popen(["yes"])
            for _ in range(3):
                os.write(2, b"e" * 400_000 + b"\\n")
            flood.kill()
            flood.wait()
    """
    with running(source) as host:
        host.end()
        assert sum(map(len, host.lines("stderr"))) == 1_200_000
