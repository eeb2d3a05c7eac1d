"""Several runs of the same settings in one folder: over seeds, or over the folds of a cross-validation."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propneat.base.errors import CheckpointError, ConfigError
from propneat.base.records import make_folder, write_atomic
from propneat.data import Table
from propneat.run.data import load_run_table
from propneat.run.folder import RunFolder
from propneat.run.life import rehearse, resume, rooted, settings_of_run, start
from propneat.settings.file import Settings, format_settings, read_settings_file, resolve_settings
from propneat.stats import nadeau_bengio

__all__ = ["KINDS", "Series", "open_series", "plan_series", "rehearse_series", "run_series"]

_NAME, _SETTINGS = "series.json", "settings.toml"
_SCHEMA = "propneat.series/1"
KINDS = {"seeds": "seed", "cv": "fold"}
"""What a series goes over, and what each of its runs is called."""


@dataclass(frozen=True)
class Series:
    """A folder of runs: `count` seeds from that of the settings on, or as many folds."""

    path: Path
    kind: str
    count: int
    settings: Settings

    def runs(self) -> list[tuple[Path, Settings]]:
        """Return the folder and the settings of every run."""
        seed = self.settings.evolve.seed
        if self.kind == "seeds":
            seeds = range(seed, seed + self.count)
            return [
                (self.path / f"seed{each}", replace(self.settings, evolve=replace(self.settings.evolve, seed=each)))
                for each in seeds
            ]
        data = self.settings.data
        return [
            (self.path / f"fold{k + 1}", replace(self.settings, data=replace(data, folds=self.count, fold=k + 1)))
            for k in range(self.count)
        ]


def plan_series(settings: Settings, path: Path, kind: str, count: int, *, force: bool = False) -> Series:
    """Return a series that `run_series` makes the folder of; raises ConfigError for a folder that is taken.

    `force` replaces a series that is there. Seeds are 1 or more, folds 2 or more.
    """
    least = 2 if kind == "cv" else 1
    if count < least:
        raise ConfigError(f"--{kind} needs {least} or more, not {count}")
    _refuse_taken(path, force)
    series = Series(path, kind, count, rooted(settings))
    # runs that cannot be are refused before there is a folder
    series.runs()
    return series


def _refuse_taken(path: Path, force: bool) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())) and not (force and (path / _NAME).is_file()):
        raise ConfigError(f"{path} is not empty: continue its runs with --resume, or choose another --out")


def _begin(series: Series, force: bool) -> None:
    """Make the folder of a series."""
    _refuse_taken(series.path, force)
    make_folder(series.path)
    write_atomic(series.path / _SETTINGS, format_settings(series.settings))
    _write(series, [])


def open_series(path: Path) -> Series | None:
    """Return the series in a folder, None where it holds none; raises CheckpointError for one that cannot be read."""
    if not (path / _NAME).is_file():
        return None
    try:
        document = json.loads((path / _NAME).read_bytes())
        kind, count = document["kind"], document["count"]
        if document["schema"] != _SCHEMA or kind not in KINDS or type(count) is not int or count < 1:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path / _NAME} is damaged: start the runs anew") from error
    return Series(path, kind, count, resolve_settings([read_settings_file(path / _SETTINGS)]))


def run_series(
    series: Series, *, say: Callable[[str], None], force: bool = False, table: Table | None = None, **shown: Any
) -> dict[str, Any]:
    """Carry out what is left of a series, and return what all of it comes to, as in `series.json`.

    `shown` are further keywords of `start` and `resume`; a `table` is that of the settings, read before. The folder of a new
    series is made once its first run cannot be refused. Runs that are finished are left as they are. A run that is stopped ends
    the series, which can be resumed; its `signal` is in what is returned.
    """
    is_new = force or not (series.path / _NAME).is_file()
    summaries: list[dict[str, Any]] = []
    for number, (path, settings) in enumerate(series.runs()):
        folder, summary = RunFolder(path), _finished(path, force)
        announce = partial(say, f"{KINDS[series.kind]} {number + 1} of {series.count}: {path}")
        if summary is None and folder.config.is_file() and not force:
            announce()
            summary = resume(path, say=say, **shown)
        elif summary is None:
            table = load_run_table(series.settings.data) if table is None else table
            ready = partial(_ready, series if is_new and number == 0 else None, force, announce)
            summary = start(settings, path, force=force, say=say, table=table, ready=ready, **shown)
        else:
            announce()
        summaries.append(summary)
        result = _write(series, summaries)
        if not summary["finished"]:
            return result | {"signal": summary.get("signal")}
    return result


def _ready(new: Series | None, force: bool, announce: Callable[[], None]) -> None:
    """Say which run begins, and before the first make the folder of a new series."""
    if new is not None:
        _begin(new, force)
    announce()


def rehearse_series(series: Series, *, force: bool = False, **shown: Any) -> None:
    """Raise what `run_series` would before any of its runs learns; `shown` are further keywords of `rehearse`."""
    for path, settings in series.runs():
        if _finished(path, force) is not None:
            continue
        if force or not RunFolder(path).config.is_file():
            rehearse(settings, path, force=force, **shown)
        else:
            rehearse(settings_of_run(RunFolder(path), {}), folder=RunFolder(path), **shown)


def _finished(path: Path, force: bool) -> dict[str, Any] | None:
    """Return the summary of a run that is finished and to be kept."""
    summary = None if force else RunFolder(path).read_summary()
    return summary if summary is not None and summary["finished"] else None


def _write(series: Series, summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    result = {
        "schema": _SCHEMA,
        "kind": series.kind,
        "count": series.count,
        "folder": str(series.path),
        "finished": sum(bool(summary["finished"]) for summary in summaries) == series.count,
        **_joined(series, [summary for summary in summaries if summary["finished"]]),
    }
    write_atomic(series.path / _NAME, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return result


def _joined(series: Series, summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return every run's figures, and their means and spreads, of the network and of what stands beside it."""
    if not summaries:
        return {"runs": [], "mean": {}, "baselines": []}
    sizes = {name: _spread([summary[name] for summary in summaries]) for name in ("connections", "seconds")}
    runs = [
        {
            "folder": summary["folder"],
            "connections": summary["connections"],
            "seconds": summary["seconds"],
            "test": summary["test"],
        }
        for summary in summaries
    ]
    mean = {name: _spread([summary["test"][name] for summary in summaries]) for name in summaries[0]["test"]}
    share = 1 / series.count if series.kind == "cv" else series.settings.data.test_fraction
    names = [one["name"] for one in summaries[0].get("baselines", [])]
    return {
        "runs": runs,
        "mean": mean | sizes,
        "baselines": [_beside(summaries, k, name, share) for k, name in enumerate(names)],
    }


def _beside(summaries: Sequence[Mapping[str, Any]], position: int, name: str, share: float) -> dict[str, Any]:
    """Return the scores of a method over the runs, and the test of how the network differs from it."""
    own = [summary["baselines"][position]["test"] for summary in summaries]
    differences = {}
    for score in own[0]:
        gaps = [
            summary["test"][score] - other[score]
            for summary, other in zip(summaries, own, strict=True)
            if _both(summary, other, score)
        ]
        p_value = nadeau_bengio(gaps, share).p_value if len(gaps) > 1 else None
        differences[score] = {"mean": float(np.mean(gaps)) if gaps else None, "p_value": p_value}
    return {
        "name": name,
        "mean": {score: _spread([other[score] for other in own]) for score in own[0]},
        "network_less_it": differences,
    }


def _both(summary: Mapping[str, Any], other: Mapping[str, Any], score: str) -> bool:
    return summary["test"][score] is not None and other[score] is not None


def _spread(values: Sequence[float | None]) -> dict[str, float | None]:
    """Return the mean and the standard deviation of the figures that there are."""
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "deviation": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    }
