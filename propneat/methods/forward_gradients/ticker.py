"""Progress of a step of a native study, told once every few units."""

from collections.abc import Callable

__all__ = ["Ticker"]


class Ticker:
    """Counts units done of a named step and passes the count on, at most every `every` units."""

    def __init__(self, progress: Callable[[str, int, int], None], step: str, total: int, every: int = 20) -> None:
        self.progress, self.step, self.total, self.every = progress, step, total, every
        self.done = 0

    def advance(self, *_: object) -> None:
        """Count one unit."""
        self.done += 1
        if self.done % self.every == 0:
            self.progress(self.step, min(self.done, self.total), self.total)

    def reach(self, done: int) -> None:
        """Skip to a count, where units ended early."""
        self.done = done
        self.progress(self.step, done, self.total)
