"""The version: of the Python package, the wheel and the npm package alike."""

from __future__ import annotations

__version__ = "0.1.0"
