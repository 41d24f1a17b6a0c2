"""A process that writes to a journal until it is killed; each acknowledged seq is a line on its standard output.

Arguments: the journal's file; optionally the name of a fault and at which commit it kills the process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import NO_FAULTS, Faults
from tests.journal.records import lines, new_session


class KillAt:
    """Kills this process the n-th time it is called."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def write(path: Path, faults: Faults) -> None:
    """Keep four writes in flight, for ever."""
    async with SqliteJournal(path, faults=faults) as journal:
        print("epoch", journal.epoch, flush=True)
        row = await journal.session("s")
        if row is None:
            await journal.submit(new_session("s"))
        seq = 1 if row is None else row.last_seq
        while True:
            group = [journal.submit(lines("s", seq + number)) for number in range(1, 5)]
            for written in group:
                await written
                seq += 1
                os.write(1, b"%d\n" % seq)


def main(arguments: list[str]) -> None:
    """Parse and write."""
    path, *fault = arguments
    faults = Faults(**{fault[0]: KillAt(int(fault[1]))}) if fault else NO_FAULTS
    asyncio.run(write(Path(path), faults))


if __name__ == "__main__":
    main(sys.argv[1:])
