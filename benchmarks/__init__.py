"""Rates and latencies of the real thing, each beside a bare baseline of the same run: ``python -m benchmarks``."""
