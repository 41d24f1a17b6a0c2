"""The processes of this test run, found by a mark in their environment, so that orphans are found as well."""

from __future__ import annotations

import os
import secrets

import psutil

MARK = "HITL_TEST_RUN"

# Helpers that Python or Playwright keeps for the whole run and ends itself.
KEPT = ("resource_tracker", "multiprocessing.forkserver", "playwright/driver")


def mark_this_run() -> None:
    """Put the mark into this process's environment; whatever is started from now on inherits it."""
    os.environ.setdefault(MARK, secrets.token_hex(8))


def with_variable(name: str, value: str) -> list[psutil.Process]:
    """Every living process, apart from this one, that has this environment variable."""
    found = []
    for process in psutil.process_iter():
        try:
            matches = process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if matches and process.pid != os.getpid():
            found.append(process)
    return found


def left_behind() -> dict[int, str]:
    """What lives of this run, this process and its kept helpers apart: process id and command line."""
    found = {}
    for process in with_variable(MARK, os.environ[MARK]):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if not any(word in command for word in KEPT):
            found[process.pid] = command
    return found


def end(processes: list[psutil.Process]) -> None:
    """Kill these and wait until they are gone."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=10)
