"""What is seen of a benchmark: a live view on a terminal, a plain line every half minute elsewhere, or nothing."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from propneat.base.errors import ConfigError
from propneat.cli.run_view import clock

if TYPE_CHECKING:
    from propneat.benchmark import Progress
    from propneat.benchmark.task import Planned

__all__ = ["BenchmarkView", "count_workers", "print_plan", "show_steps"]

_SECONDS_BETWEEN_LINES = 30.0
_SHOWN_TASKS = 12


def count_workers(workers: int | None, threads: int | None) -> tuple[int, int]:
    """Return workers and threads of each, together at most the cores there are; raises ConfigError for more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    threads = threads or 1
    workers = workers or max(1, cores // threads)
    if workers * threads > cores:
        raise ConfigError(f"{workers} workers of {threads} threads need {workers * threads} cores, and there are {cores}")
    return workers, threads


class BenchmarkView:
    """Shows progress on stderr; call it with every `Progress`. A context manager."""

    def __init__(self, folder: Path, *, quiet: bool) -> None:
        self.folder, self.quiet = folder, quiet
        self.console = Console(stderr=True, highlight=False)
        self.live: Live | None = None
        self.progress: Progress | None = None
        self.start = self.last_line = time.monotonic()
        self.failed: list[str] = []

    def __enter__(self) -> "BenchmarkView":
        self.say(f"Writing {self.folder}")
        if self.console.is_terminal and not self.quiet:
            self.live = Live(console=self.console, refresh_per_second=4, transient=True, get_renderable=self._picture)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()
        if self.progress is not None:
            self.say(self._counts())

    def say(self, text: str) -> None:
        """Print a line of talk above whatever is shown."""
        if not self.quiet:
            self.console.print(Text(text), soft_wrap=True)

    def __call__(self, progress: "Progress") -> None:
        """Show how far the run is, and tell of every task that failed."""
        is_first = self.progress is None
        before = self.progress.n_failed if self.progress else progress.n_failed
        self.progress = progress
        if progress.n_failed > before and progress.last and progress.last[1].status != "ok":
            task, outcome = progress.last
            self.say(f"{outcome.status}: {task.label}: {(outcome.reason or '').strip().splitlines()[-1]}")
        if self.live is None and (is_first or time.monotonic() - self.last_line >= _SECONDS_BETWEEN_LINES):
            self.last_line = time.monotonic()
            self.say(self._counts())

    def _counts(self) -> str:
        progress = self.progress
        parts = [f"{progress.n_done} done", f"{progress.n_failed} failed", f"{progress.n_remaining} remaining"]
        if progress.n_stored_before:
            parts.append(f"{progress.n_stored_before} stored before")
        parts.append(f"elapsed {clock(time.monotonic() - self.start)}")
        if progress.seconds_left is not None and progress.n_remaining:
            parts.append(f"left about {clock(progress.seconds_left)}")
        return ", ".join(parts)

    def _picture(self) -> Table:
        rows = Table.grid()
        if self.progress is None:
            rows.add_row(Text("starting ..."))
            return rows
        total = self.progress.n_done + self.progress.n_failed + self.progress.n_remaining
        head = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=max(total, 1), completed=total - self.progress.n_remaining, width=30)
        head.add_row(bar, Text(self._counts()))
        rows.add_row(head)
        for task, seconds in self.progress.running[:_SHOWN_TASKS]:
            rows.add_row(Text(f"  {task.label}  {clock(seconds)}", style="dim"))
        return rows


@contextmanager
def show_steps(what: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that is told (step, done, total), and show it on stderr: live on a terminal, else a line now and then."""
    console = Console(stderr=True, highlight=False)
    last = {"line": time.monotonic()}
    live = console.status(what) if console.is_terminal and not quiet else None

    def note(step: str, done: int, total: int) -> None:
        text = f"{what}: {step} ({done} of {total})" if step else f"{what}: {done} of {total}"
        if live is not None:
            live.update(Text(text))
        elif not quiet and time.monotonic() - last["line"] > _SECONDS_BETWEEN_LINES / 3:
            last["line"] = time.monotonic()
            console.print(Text(text), soft_wrap=True)

    if live is None:
        yield note
        return
    with live:
        yield note


def print_plan(plan: "Sequence[Planned]", n_workers: int) -> None:
    """Print sums on stderr, then every task with its estimate on stdout."""
    seconds = sum(planned.estimate for planned in plan)
    click.echo(f"{len(plan)} tasks, very roughly {clock(seconds / n_workers)} with {n_workers} workers", err=True)
    for method in sorted({planned.task.method for planned in plan}):
        own = [planned.estimate for planned in plan if planned.task.method == method]
        click.echo(f"{method:28} {len(own):6} tasks  about {clock(sum(own))} of one core", err=True)
    for planned in plan:
        click.echo(f"{planned.task.key}  {planned.estimate:9.1f} s  {planned.task.label}")
