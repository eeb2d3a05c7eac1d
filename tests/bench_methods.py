"""Methods that behave well or badly on purpose, named in tests as bench_methods:NAME."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from propneat.methods import Method

_loaded: list[bool] = []


class Odd(ClassifierMixin, BaseEstimator):
    """Answers with class frequencies, after doing what it is told to do first."""

    def __init__(self, act="", marker="", seconds=0.0, random_state=None):
        self.act = act
        self.marker = marker
        self.seconds = seconds
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        if self.marker:
            with Path(self.marker).open("a") as file:
                file.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        if self.act == "load" and not _loaded:
            time.sleep(0.8)
            _loaded.append(True)
        if self.act == "raise":
            raise RuntimeError("this method always fails")
        if self.act == "die" or (self.act == "die once" and len(Path(self.marker).read_text().splitlines()) == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.act == "eat":
            self.food_ = [np.ones(2**19) for _ in range(200) if time.sleep(0.01) is None]
            time.sleep(600)
        return self

    def predict_proba(self, X):
        shares = np.tile(self.shares_, (len(X), 1))
        noise = np.random.default_rng(self.random_state).random(len(X)) * 0.1
        shares[:, 0] += noise
        return shares / shares.sum(axis=1, keepdims=True)


def _make(random_state=None, **options):
    return Odd(random_state=random_state, **options)


def _odd(name, **options):
    return Method(name, "for tests", _make, "nothing", options=options, quick=None)


GOOD = _odd("bench_methods:GOOD")
RAISES = _odd("bench_methods:RAISES", act="raise")
DIES = _odd("bench_methods:DIES", act="die")
DIES_ONCE = _odd("bench_methods:DIES_ONCE", act="die once")
EATS = _odd("bench_methods:EATS", act="eat")
SLEEPS = _odd("bench_methods:SLEEPS", seconds=600.0)
SLOW = _odd("bench_methods:SLOW", seconds=0.3)
LAZY = replace(_odd("bench_methods:LAZY", act="load"), quick={})
NOT_ONE = 3
