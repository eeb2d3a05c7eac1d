"""The unit of work: one method on one split of one data set, and what came of it."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

__all__ = ["CLASS_METRICS", "FAILURES", "METRICS", "NUMBER_METRICS", "STATUSES", "Outcome", "Planned", "Task", "format_options"]

STATUSES = ("ok", "error", "timeout", "memory", "crashed", "skipped")
FAILURES = ("error", "timeout", "memory", "crashed")
CLASS_METRICS = ("auc", "balanced_accuracy", "accuracy", "log_loss", "brier", "ece")
NUMBER_METRICS = ("r2", "rmse", "mae")
METRICS = (*CLASS_METRICS, *NUMBER_METRICS)
"""Scores of classifications and of regressions; a result has those of its kind."""


@dataclass(frozen=True)
class Task:
    """The identity of a result; equal identities are one task, whoever runs it, when and where."""

    method: str
    options: str
    """The method's options as JSON text, see `format_options`."""
    dataset: str
    data_hash: str
    """Of the values in the table, see `propneat.benchmark.tables.hash_table`."""
    protocol: str
    repeat: int
    fold: int
    version: str
    """Of propneat, since another version may compute another result."""

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits, the BLAKE2b hash of the identity."""
        text = json.dumps({name: getattr(self, name) for name in _FIELDS}, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def seed(self) -> int:
        """What the method's `random_state` is: 32 bits of the key, so it depends on nothing but the identity."""
        return int(self.key[:8], 16)

    @property
    def label(self) -> str:
        """Short text for people."""
        return f"{self.method} on {self.dataset} {self.repeat}.{self.fold}"


_FIELDS = tuple(part.name for part in fields(Task))


@dataclass(frozen=True)
class Planned:
    """A task, and what the plan knows of its data set besides."""

    task: Task
    family: str
    kind: str
    """"binary", "multiclass" or "regression"."""
    n_rows: int
    n_features: int
    n_classes: int
    """0 for a regression."""
    estimate: float
    """Rough seconds of the fit, for the order of tasks and the time left."""


@dataclass(frozen=True)
class Outcome:
    """What came of a task. Metrics are None unless the status is "ok"; times are seconds, memory MiB."""

    status: str
    reason: str | None = None
    n_train: int | None = None
    n_test: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    fit_seconds: float | None = None
    predict_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_mb: float | None = None
    n_parameters: int | None = None
    depth: int | None = None
    n_nodes: int | None = None
    """Size of the model written as a formula, see `propneat.methods.Size`."""
    predictions: bytes | None = None
    """Test rows, true classes and probabilities, or true numbers and answers, packed by `propneat.benchmark.predictions`."""


def format_options(options: Any) -> str:
    """Return options as JSON text that is the same for the same options."""
    return json.dumps(dict(options), sort_keys=True, separators=(",", ":"), default=list)
