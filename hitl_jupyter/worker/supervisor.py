"""The process that a launcher starts. It forks the worker and stays beside it, so that a cancelled task leaves nothing.

It is a *subreaper*: whoever loses its parent below it becomes its child, whatever session, process group or
environment it gave itself. So everything that a task has started is found by going down from here.

While the worker lives, SIGTERM (and SIGINT, SIGHUP) go on to the worker's group, and ``END_ALL`` kills whatever is
below. After the worker has ended by itself with exit code 0, only what it left in its group is ended, in
``LEFTOVER_SECONDS``: a process in a session of its own is meant to live on. After any other end, everything is. Then
this process ends in the same way as the worker did, since it is the one that the host waits for. If this process is
killed, the kernel kills the worker.

Nothing heavy is imported here: what this process has in memory it has for as long as the worker lives. Signals are
blocked and waited for, so no handler runs between two lines.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from typing import NoReturn

from hitl_jupyter.link.bootstrap import END_ALL, LEFTOVER_SECONDS
from hitl_jupyter.link.processes import Process, below

INSIST_SECONDS = 2.0
"""How long to go on killing what does not end. The host must hear of the worker's end soon, and finds the rest."""

PASSED_ON = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

_WATCHED = PASSED_ON | {signal.SIGCHLD, END_ALL}
_PAUSE_SECONDS = 0.02

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 4, 15, 36


def supervise() -> None:
    """Fork. It returns in the child, which is to be the worker; this process stays, and ends as the worker ends.

    On other systems than Linux it returns without a fork, and the process itself is the worker.
    """
    if sys.platform != "linux":
        return
    _control(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, which is inherited, children could not be waited for
    inherited = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    supervisor = os.getpid()
    worker = os.fork()
    if worker:
        _stay(worker)
    os.setsid()
    _control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it was killed before the kernel knew
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, inherited)


def _stay(worker: int) -> NoReturn:
    _control(_PR_SET_NAME, ctypes.create_string_buffer(b"hitl-supervisor"))
    ended, told = _watch(worker)
    if told or (ended.si_code, ended.si_status) != (os.CLD_EXITED, 0):
        _end_all(worker)
    else:
        _end_group(worker)
    _end_as(ended)


def _watch(worker: int) -> tuple[os.waitid_result, bool]:
    """How the worker ended, and whether all was to. It stays a zombie: its number, which is its group's, is kept."""
    told = False
    while (ended := os.waitid(os.P_PID, worker, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
        number = signal.sigwaitinfo(_WATCHED).si_signo
        if number == signal.SIGCHLD:
            _reap_orphans(worker)
        elif number == END_ALL:
            told = True
            os.kill(worker, signal.SIGKILL)
        else:
            _pass_on(number, worker)
    return ended, told


def _reap_orphans(worker: int) -> None:
    while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if ended.si_pid == worker:
            return
        os.waitpid(ended.si_pid, 0)


def _pass_on(number: int, worker: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has not made its group yet
        os.killpg(worker, number)
        os.killpg(worker, signal.SIGCONT)  # one that is stopped could not act on it
        return
    os.kill(worker, number)


def _end_all(worker: int) -> None:
    """Kill whatever is below this process, and what that starts meanwhile; the worker itself has ended."""
    enough = time.monotonic() + INSIST_SECONDS
    os.waitpid(worker, 0)
    while time.monotonic() < enough:
        for process in below([os.getpid()]):
            _kill(process)
        if _reap_all():  # all that lives below has an ancestor, or itself, as a child of this process
            return
        signal.sigtimedwait({signal.SIGCHLD}, _PAUSE_SECONDS)


def _kill(process: Process) -> None:
    """Kill it with its group, also if it has just ended: in the group can be a child that nobody has seen yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.group > 1:  # 0 would be our own
            os.killpg(process.group, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, signal.SIGKILL)


def _reap_all() -> bool:
    """Reap the children that have ended; whether none is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _end_group(worker: int) -> None:
    """What the worker left in its group may clean up after it, but not stay."""
    enough = time.monotonic() + LEFTOVER_SECONDS
    while time.monotonic() < enough and _group_lives(worker):
        came = signal.sigtimedwait(_WATCHED, _PAUSE_SECONDS)
        if came is not None and came.si_signo == END_ALL:
            return _end_all(worker)
        if came is not None and came.si_signo in PASSED_ON:
            _pass_on(came.si_signo, worker)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)


def _group_lives(group: int) -> bool:
    return any(process.group == group and process.lives for process in below([os.getpid()]))


def _end_as(ended: os.waitid_result) -> NoReturn:
    """Leave with the worker's exit code, or by the signal that it died of."""
    _reap_all()
    if ended.si_code == os.CLD_EXITED:
        os._exit(ended.si_status)
    _control(_PR_SET_DUMPABLE, 0)  # the worker's core is the one to look at
    with contextlib.suppress(OSError):  # SIGKILL has no handler to be reset
        signal.signal(ended.si_status, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [ended.si_status])
    os.kill(os.getpid(), ended.si_status)
    os._exit(128 + ended.si_status)


def _control(option: int, value: int | ctypes.Array[ctypes.c_char]) -> None:
    """``prctl``; what the system does not allow is gone without."""
    argument = ctypes.c_ulong(value) if isinstance(value, int) else value
    ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)
