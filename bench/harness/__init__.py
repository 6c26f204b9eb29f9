"""Measures Mandate beside its peers: see docs/BENCH.md."""
