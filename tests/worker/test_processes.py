"""Tasks that start processes of their own, on functions that a notebook defined."""

from __future__ import annotations

import pytest

from tests.support.fake_host import running

pytestmark = pytest.mark.processes

HELPERS = """
    import dataclasses

    FACTOR = 3

    @dataclasses.dataclass
    class Point:
        x: int

        def moved(self):
            return Point(self.x * FACTOR)

    def helper(point):
        print("in a child", flush=True)
        return point.moved()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_works_on_notebook_functions_and_classes(method: str) -> None:
    source = f"""
        {HELPERS}

    def go(ctx):
        import multiprocessing
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            moved = pool.map(helper, [Point(1), Point(2)])
        assert all(type(point) is Point for point in moved)
        return [point.x for point in moved]
    """.replace("        \n", "\n")
    with running(_dedented(source)) as host:
        assert host.end(within=40).values == [3, 6], host.events
        assert host.lines("stdout").count("in a child") == 2


def test_joblib_works_on_notebook_functions() -> None:
    source = f"""
        {HELPERS}

    def go(ctx):
        import joblib
        moved = joblib.Parallel(n_jobs=2)(joblib.delayed(helper)(Point(n)) for n in range(3))
        return [point.x for point in moved]
    """
    with running(_dedented(source)) as host:
        assert host.end(within=40).values == [0, 3, 6], host.events


def test_a_data_loader_with_workers_reads_a_notebook_dataset() -> None:
    pytest.importorskip("torch")
    source = """
        import torch

        class Squares(torch.utils.data.Dataset):
            def __len__(self):
                return 4

            def __getitem__(self, n):
                return n * n

        def go(ctx):
            loader = torch.utils.data.DataLoader(Squares(), batch_size=2, num_workers=2)
            return [batch.tolist() for batch in ctx.progress(loader, "batches")]
    """
    with running(source) as host:
        assert host.end(within=50).values == [[0, 1], [4, 9]], host.events


def test_a_forked_child_prints_but_does_not_speak_for_the_task() -> None:
    source = """
        import os

        def go(ctx):
            ctx.stream("parent")
            if (child := os.fork()) == 0:
                try:
                    ctx.stream("child streams")
                    print("child prints", flush=True)
                    ctx.confirm("May a child ask?")
                except BaseException as error:
                    os.write(2, f"{type(error).__name__}\\n".encode())
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            return os.listdir("/proc/self/fd") is not None
    """
    with running(source) as host:
        host.end()
        assert host.lines("task") == ["parent"]
        assert host.lines("stdout") == ["child streams", "child prints"]
        assert host.lines("stderr") == ["WrongState"]
        assert len(host.hellos) == 1


def test_a_forked_child_dies_of_sigterm_as_any_other() -> None:
    source = """
        import os, signal, time

        def go(ctx):
            if (child := os.fork()) == 0:
                time.sleep(60)
                os._exit(0)
            os.kill(child, signal.SIGTERM)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    """
    with running(source) as host:
        assert host.end().values == -15


def _dedented(source: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in source.splitlines())
