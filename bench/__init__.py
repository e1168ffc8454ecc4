"""Measurements of speed. bench/README.md explains how to run and read them."""
