"""Work for processes of a crew: it answers, fails, or takes its process along."""

import os
import signal
import time
from pathlib import Path


def squared(number):
    time.sleep(0.002 * (5 - number % 5))
    return number**2


def process_and_threads(_):
    time.sleep(0.05)
    return os.getpid(), os.environ["NUMBA_NUM_THREADS"]


class Odd(Exception):
    """One that pickle cannot make again."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def failing(number):
    if number == 3:
        raise ZeroDivisionError("three")
    if number == 4:
        raise Odd("this", "that")
    return number


def killed_once(path):
    if path is not None and not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path


def deadly(_):
    os._exit(7)
