"""What a worker leaves where no host comes: whole, private, and only what it is."""

from __future__ import annotations

import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_jupyter.errors import Malformed
from hitl_jupyter.link.framing import pack
from hitl_jupyter.link.messages import Ack, GaveUp, Hello
from hitl_jupyter.link.outbox import Outbox
from hitl_jupyter.link.spool import folder_of, read_spool, write_spool
from hitl_jupyter.protocol import PROTOCOL_VERSION, Stream, TaskCompleted
from tests.support.fake_host import LAUNCH, SECRET, cell, fake_host, run_of, worker

HELLO = Hello(launch_id="launch-1", secret="s3cret", pid=1, protocol=PROTOCOL_VERSION)
GAVE_UP = GaveUp(session_id="session-1", seconds=3600.0)
SOON = {"running": 0.2, "waiting": 600.0, "finished": 0.2, "without_folder": 0.2}


def spooled(tmp_path: Path) -> Path:
    outbox = Outbox(lambda: None)
    for n in range(10_000):
        outbox.emit(Stream(content=str(n)))
    outbox.next_frames()  # sent, and not acknowledged
    outbox.acknowledge(7)
    write_spool(tmp_path / "spool", HELLO, outbox.all_frames(), GAVE_UP)
    return tmp_path / "spool" / "launch-1"


def test_a_spool_holds_the_launch_and_all_that_no_host_has_taken(tmp_path: Path) -> None:
    spool = read_spool(spooled(tmp_path))
    assert (spool.hello, spool.gave_up) == (HELLO, GAVE_UP)
    assert spool.emits[0].first == 8
    contents = [event.content for emit in spool.emits for event in emit.events if isinstance(event, Stream)]
    assert contents == [str(n) for n in range(7, 10_000)]


def test_a_spool_is_this_users_alone_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = spooled(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["launch-1"]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(GAVE_UP.seconds))


def link_elsewhere(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [flip, cut, empty, pickled, link_elsewhere, folder])
def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = spooled(tmp_path)
    harm(path)
    with pytest.raises(Malformed, match="then delete it"):
        read_spool(path)


def test_a_file_with_other_messages_is_refused(tmp_path: Path) -> None:
    write_spool(tmp_path / "spool", HELLO, pack(Ack(number=1)), GAVE_UP)
    with pytest.raises(Malformed):
        read_spool(tmp_path / "spool" / "launch-1")


def test_a_store_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_spool(tmp_path / "gone" / "spool", HELLO, b"", GAVE_UP)


@pytest.mark.processes
def test_a_worker_that_computes_gives_up_and_leaves_what_it_had_to_tell() -> None:
    source = """
        import time
        def go(ctx):
            for n in range(1_000_000):
                ctx.stream(n)
                time.sleep(0.001)
    """
    with fake_host() as host:
        host.on_connect = [run_of(host, shipped=cell(source))]
        with worker(host, patience=SOON) as process:
            host.wait_line("3")
            host.close()
            process.wait()
            assert "No host answered" in process.last_words()
        spool = read_spool(folder_of(host.path) / LAUNCH)
        assert (spool.hello.launch_id, spool.hello.secret, spool.gave_up.session_id) == (LAUNCH, SECRET, "session-1")
        assert spool.gave_up.seconds > 0.2
        taken = host.events[: spool.emits[0].first - 1]
        lines = [event.content for event in [*taken, *(e for emit in spool.emits for e in emit.events)]]
        assert len(lines) > len(host.events)
        assert lines == [str(n) for n in range(len(lines))]


@pytest.mark.processes
def test_a_worker_that_is_done_leaves_its_ending_and_does_not_stay(tmp_path: Path) -> None:
    source = """
        import os, time
        def go(ctx, gate):
            ctx.stream("begun")
            while not os.path.exists(gate):
                time.sleep(0.01)
            return "done"
    """
    gate = tmp_path / "gate"
    with fake_host() as host:
        host.on_connect = [run_of(host, shipped=cell(source, "go", str(gate)))]
        with worker(host, patience={**SOON, "running": 600.0}) as process:
            host.wait_line("begun")
            host.close()
            gate.touch()
            process.wait()
        (emit,) = read_spool(folder_of(host.path) / LAUNCH).emits
        assert isinstance(emit.events[-1], TaskCompleted)
        assert emit.events[-1].values == "done"


@pytest.mark.processes
def test_a_worker_whose_store_is_gone_says_on_stderr_what_is_lost() -> None:
    source = """
        import time
        def go(ctx):
            ctx.stream("begun")
            time.sleep(600)
    """
    with fake_host() as host:
        host.on_connect = [run_of(host, shipped=cell(source))]
        with worker(host, patience=SOON) as process:
            host.wait_line("begun")
            host.remove()
            process.wait()
            assert "is lost" in process.last_words()
