"""The plugin's own fixtures, from this tree, whatever is installed."""

from hitl_jupyter.testing.pytest_plugin import _hitl_stage, hitl_clock, hitl_run

__all__ = ["_hitl_stage", "hitl_clock", "hitl_run"]
