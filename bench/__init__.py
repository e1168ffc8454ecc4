"""Measures the promises about speed; bench/run starts it, bench/README.md says how to read it."""
