"""What is seen of a run while it goes on: a live view on a terminal, a plain line every few seconds elsewhere, or nothing."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from propneat.search import EvolveState

__all__ = ["RunView", "clock", "say_when_compiling", "say_when_slow", "say_why_it_takes_long"]

_SECONDS_BETWEEN_LINES = 5.0
_RECENT = 10
_FACTS_PER_LINE = 4
_SECONDS_OF_COMPILING = 1.0


class RunView:
    """Shows every generation on stderr; call it with the state, as a callback of `evolve`. A context manager."""

    def __init__(
        self,
        title: str,
        n_generations: int,
        score_name: str,
        *,
        quiet: bool,
        facts: Callable[[Mapping[str, Any]], list[tuple[str, str]]] | None = None,
    ) -> None:
        """Take `facts` for what is shown of a row of the history, beside times, where that is not one of a table."""
        self.title, self.n_generations, self.score_name = title, n_generations, score_name
        self.quiet, self.facts = quiet, facts or self._facts_of_table
        self.console = Console(stderr=True, highlight=False)
        self.live: Live | None = None
        self.row: Mapping[str, Any] | None = None
        self.start = self.last_line = time.perf_counter()
        self.times: list[float] = []

    def __enter__(self) -> "RunView":
        if self.console.is_terminal and not self.quiet:
            self.live = Live(console=self.console, refresh_per_second=8, transient=True, get_renderable=self._picture)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the terminal back."""
        if self.live is not None:
            self.live.stop()

    def say(self, text: str) -> None:
        """Print a line of talk above whatever is shown."""
        if not self.quiet:
            self.console.print(Text(text), soft_wrap=not self.console.is_terminal)

    def __call__(self, state: "EvolveState") -> None:
        """Show the generation just done."""
        now = time.perf_counter()
        self.times = [*self.times[-_RECENT:], now]
        self.row = state.history[-1]
        is_last = len(state.history) == self.n_generations
        if self.live is None and (len(self.times) == 1 or is_last or now - self.last_line >= _SECONDS_BETWEEN_LINES):
            self.last_line = now
            self.say(f"generation {self._count()}  " + "  ".join(f"{name} {value}" for name, value in self._facts()))

    def _count(self) -> str:
        return f"{self.row['generation'] + 1}/{self.n_generations}"

    def _facts(self) -> list[tuple[str, str]]:
        """Return name and value of what is shown of a generation."""
        shown = [*self.facts(self.row), ("elapsed", clock(time.perf_counter() - self.start))]
        is_going_on = 1 < len(self.times) and self.row["generation"] + 1 < self.n_generations
        return [*shown, ("left", clock(self._seconds_left()))] if is_going_on else shown

    def _facts_of_table(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        score, loss = row["validation_score"], row["validation_loss"]
        return [
            ("species", str(row["n_species"])),
            ("best fitness", f"{row['best_fitness']:.4g}"),
            ("mean", f"{row['mean_fitness']:.4g}"),
            (f"validation {self.score_name}", f"{score:.4f}") if math.isfinite(score) else ("validation loss", f"{loss:.4g}"),
            ("connections", str(row["n_connections"])),
            ("hidden", str(row["n_hidden"])),
        ]

    def _seconds_left(self) -> float:
        per_generation = (self.times[-1] - self.times[0]) / (len(self.times) - 1)
        done_since = time.perf_counter() - self.times[-1]
        return max(0.0, (self.n_generations - 1 - self.row["generation"]) * per_generation - done_since)

    def _picture(self) -> Table:
        rows = Table.grid()
        head = Table.grid(padding=(0, 2))
        rows.add_row(head)
        if self.row is None:
            head.add_row(Text(self.title, style="bold"), Text(f"first of {self.n_generations} generations", style="dim"))
            return rows
        n_done = self.row["generation"] + 1
        stage = f"generation {self._count()}" if n_done < self.n_generations else "final training of the best"
        bar = ProgressBar(total=self.n_generations, completed=n_done, width=30)
        head.add_row(Text(self.title, style="bold"), Text(stage), bar)
        facts = Table.grid(padding=(0, 2))
        cells = [Text.assemble((f"{name} ", "dim"), value) for name, value in self._facts()]
        for first in range(0, len(cells), _FACTS_PER_LINE):
            facts.add_row(*cells[first : first + _FACTS_PER_LINE])
        rows.add_row(facts)
        return rows


def clock(seconds: float) -> str:
    """Return a time as minutes:seconds, or hours:minutes:seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def say_when_slow(text: str, *, seconds: float, quiet: bool) -> Iterator[None]:
    """Print a line on stderr if what is done inside takes longer than some seconds."""
    timer = _timer(seconds, lambda: click.echo(text, err=True))
    if not quiet:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def say_when_compiling(text: str, say: Callable[[str], None]) -> Iterator[None]:
    """Say a line, once, when numba takes longer than a second to compile inside; what it reads from its cache does not count."""
    from numba.core import event

    class Compiling(event.Listener):
        depth = 0
        is_said = False

        def on_start(self, _: event.Event) -> None:
            """What is compiled calls what is compiled after it has started: the outermost is timed."""
            self.depth += 1
            if self.depth == 1 and not self.is_said:
                self.timer = _timer(_SECONDS_OF_COMPILING, self.say)
                self.timer.start()

        def on_end(self, _: event.Event) -> None:
            self.depth -= 1
            if self.depth == 0:
                self.timer.cancel()

        def say(self) -> None:
            self.is_said = True
            say(text)

    with event.install_listener("numba:compile", Compiling()):
        yield


@contextmanager
def say_why_it_takes_long(engine: str, *, quiet: bool) -> Iterator[None]:
    """Say on stderr that kernels are compiled, when they are, or after a while that an engine other than "numba" is tried."""

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    trying = say_when_slow("Trying the engine ...", seconds=3.0, quiet=quiet or engine == "numba")
    with trying, say_when_compiling("Compiling kernels, once per installation: ten to twenty seconds ...", say):
        yield


def _timer(seconds: float, call: Callable[[], None]) -> threading.Timer:
    """Return a timer that keeps no process alive."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    return timer
