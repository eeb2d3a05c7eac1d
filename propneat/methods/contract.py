"""What a training method is to the benchmark, and what a paper's native study is to its command."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from propneat.base.errors import ConfigError
from propneat.methods.study_parts import StudyParts

__all__ = ["ANY_TASK", "Claim", "Method", "NativeOutcome", "NativeRun", "NativeStudy", "Size", "own_size"]

ANY_TASK = ("binary", "multiclass", "regression")
"""Tasks of a method that classifies and predicts numbers."""


class Size(NamedTuple):
    """How large a fitted model is; None where the notion does not apply."""

    n_parameters: int | None
    """Numbers that fitting set and prediction uses: weights and biases, or nodes of trees (a split or a leaf each)."""
    depth: int | None
    """Layers of computation between inputs and outputs, or the depth of the deepest tree."""
    n_nodes: int | None = None
    """Operators, constants and variables of the model written as a formula; None where `n_parameters` stands for it."""


def own_size(estimator: Any) -> Size:
    """Return the size that a fitted estimator states by itself, as `n_parameters_`, `depth_` and `n_nodes_`."""
    return Size(*(getattr(estimator, f"{name}_", None) for name in Size._fields))


@dataclass(frozen=True)
class Method:
    """A way to train a classifier, a regressor, or both, as the benchmark sees it.

    `make(random_state=int, **options)` returns an unfitted scikit-learn classifier with `predict_proba`, and
    `make_regressor`, called alike, a regressor; `tasks` says what it is for. It is fitted on a
    DataFrame of raw columns (numbers, texts, missing values), so whatever encoding it needs is part of it and learnt from
    the rows it is given. `options` are the settings that it is run with unless the benchmark is told others; together with
    the name they are the method's identity.
    """

    name: str
    summary: str
    """One line for tables and help."""
    make: Callable[..., Any] | None
    """None for a method of regressions alone."""
    cost: str
    """What a fit costs, in words."""
    paper: str | None = None
    tasks: tuple[str, ...] = ("binary", "multiclass")
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    size: Callable[[Any], Size] = own_size
    seconds: Callable[[int, int, int], float] = lambda n_rows, n_features, n_classes: (
        5.0 + 2e-5 * n_rows * n_features * n_classes
    )
    """Rough seconds of a fit on one core, from rows, columns and classes (1 for a regression); orders tasks and estimates how
    long a run takes."""
    quick: Mapping[str, Any] | None = field(default_factory=lambda: MappingProxyType({}))
    """Options over those of the run that make a fit short. With them a worker fits the method once on a few made-up rows
    before its first task of it, so that what is loaded or compiled at first use is charged to no task; None for no such fit."""
    is_core: bool = False
    """Whether `propneat benchmark` runs it unless told which methods to run."""
    needs: tuple[str, ...] = ()
    """Packages of extras that it cannot do without."""
    make_regressor: Callable[..., Any] | None = None
    """None for a method of classifications alone."""

    def maker(self, task: str) -> Callable[..., Any]:
        """Return what makes the estimator for a task, which is one of `tasks`; raises ConfigError for another."""
        make = self.make_regressor if task == "regression" else self.make
        if make is None:
            raise ConfigError(f"the method {self.name!r} is for {' and '.join(self.tasks)} tasks, and not for {task}")
        return make


@dataclass(frozen=True)
class NativeRun:
    """How a native study is asked to run."""

    folder: Path
    """Where figures go; it exists."""
    full: bool = False
    """Whether to run at the paper's size instead of one that ends within ten minutes on two cores."""
    seed: int = 0
    device: str = "cpu"
    progress: Callable[[str, int, int], None] = lambda step, done, total: None
    """Called with the name of the step under way, and how many units of how many in this step are done."""
    parts: StudyParts | None = None
    """What keeps finished parts for a run that is interrupted; None to keep none."""

    def part(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what a part of the study comes to, plain JSON values; computed once, however often the study is interrupted."""
        return json.loads(json.dumps(compute())) if self.parts is None else self.parts.found(name, compute)

    def progress_of(self, k: int, n_runs: int) -> Callable[[str, int, int], None]:
        """Return `progress` for run k, from 0, of several: steps are named with it."""
        return lambda step, done, total: self.progress(f"{step}, {k + 1} of {n_runs}", done, total)


@dataclass(frozen=True)
class Claim:
    """One figure of a paper or a specification, beside ours."""

    name: str
    expected: str
    """What the paper or its closed form says, in words or digits."""
    value: float
    """What this run found; the mean where there are several runs."""
    holds: bool
    interval: tuple[float, float] | None = None
    """Two standard errors to either side of a mean over runs; None for what is exact or came of one run."""
    n_runs: int = 1
    """Seeds, folds or repeats that the value is the mean of."""


@dataclass(frozen=True)
class NativeOutcome:
    """What a native study found."""

    claims: tuple[Claim, ...]
    figures: tuple[str, ...] = ()
    """Names of the picture files written into the folder."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """All numbers behind claims and figures, as plain JSON values."""


@dataclass(frozen=True)
class NativeStudy:
    """A paper's own problem, where its method shows what it claims."""

    name: str
    summary: str
    paper: str
    home: str
    """Where `run(NativeRun) -> NativeOutcome` lives, "module:function", imported when it is run."""
    is_cpu_only: bool = False
    """Whether it has nothing that torch could move to another device."""
    flags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Further modes, flag name -> help; a flag given is passed to `run` as the keyword of that name, True."""
