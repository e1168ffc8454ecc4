"""Deferring a job by its name: an app may name a job that lies above it."""

from typing import Any

from procrastinate.contrib.django import app


def defer(name: str, *, priority: int | None = None, **arguments: Any) -> None:
    """Queue the job in the caller's transaction.

    A rolled-back change leaves no job, and a committed one needs nothing else of this process.
    `arguments` must be JSON values. `name` is a constant of the app's `job_names` module.
    """
    app.configure_task(name, priority=priority).defer(**arguments)
