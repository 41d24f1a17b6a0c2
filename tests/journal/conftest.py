"""What the journal's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal of the test's own goes; its folder is not there yet."""
    return tmp_path / "store" / "journal.sqlite"
