"""Signals that ask a command to stop: Ctrl-C, a polite kill, and a terminal that is closed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["stop_signals"]


@contextmanager
def stop_signals(note: Callable[[int], None]) -> Iterator[None]:
    """Have `note` called with the number of every SIGINT, SIGTERM and SIGHUP; under nohup, SIGHUP stays ignored."""
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def hear(number: int, _: object) -> None:
        _leave_closed(terminals)
        note(number)

    asked = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asked.append(signal.SIGHUP)
    previous = {number: signal.signal(number, hear) for number in asked}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _leave_closed(terminals: list[int]) -> None:
    """Lead what is still said to terminals that are gone nowhere, so that saying it does not fail."""
    for descriptor in terminals:
        if not os.isatty(descriptor):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
