"""Two runs beside each other: what they were told, what they came to, and which of their networks answers better."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np

from propneat.base.errors import CheckpointError
from propneat.model import Model, load_model
from propneat.model.intervals import answers_of, compare_answers
from propneat.run.data import RunData, prepare_run
from propneat.run.folder import RunFolder, open_run_folder
from propneat.run.life import settings_of_run
from propneat.settings.file import to_layer

__all__ = ["compare_runs"]

_SHOWN = ("data", "source", "task", "rows", "test_rows", "seed", "generations", "connections", "hidden_nodes", "inputs_used",
          "formula_nodes", "validation_loss", "seconds", "finished")  # fmt: skip


def compare_runs(first: Path, second: Path) -> dict[str, Any]:
    """Compare the champions of two runs.

    `facts` has what their summaries say, a pair each; `test` their test scores; `settings` those that differ, by name;
    `same_test_rows` whether both were tested on the same rows, and then `first_less_second` the difference of every score with
    a 95 % interval and a p-value, from the same rows drawn anew for both. Raises CheckpointError for a run without results, and
    DataError for one whose table is gone.
    """
    folders = [open_run_folder(path) for path in (first, second)]
    summaries = [_summary_of(folder) for folder in folders]
    settings = [settings_of_run(folder, {}) for folder in folders]
    one, other = (_flat(to_layer(each)) for each in settings)
    pairs = [{name: summary.get(name) for name in _SHOWN} for summary in summaries]
    report: dict[str, Any] = {
        "runs": [str(folder.path) for folder in folders],
        "facts": {name: [pair[name] for pair in pairs] for name in _SHOWN},
        "test": [summary["test"] for summary in summaries],
        "settings": {name: [one.get(name), other.get(name)] for name in one if one[name] != other.get(name)},
    }
    held_out = [prepare_run(each) for each in settings]
    report["same_test_rows"] = _same_rows(*held_out)
    if report["same_test_rows"]:
        report["first_less_second"] = _differences(held_out, [load_model(folder.champion) for folder in folders])
    return report


def _summary_of(folder: RunFolder) -> dict[str, Any]:
    summary = folder.read_summary()
    if summary is None:
        raise CheckpointError(f"{folder.path} has no results yet: go on with propneat evolve --resume {folder.path}")
    return summary


def _flat(layer: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in layer.items():
        flat |= {f"{key}.{name}": entry for name, entry in value.items()} if isinstance(value, Mapping) else {key: value}
    return flat


def _same_rows(one: RunData, other: RunData) -> bool:
    """Say whether the same rows were held out, with the same truth."""
    if one.test_target is None or other.test_target is None or one.task != other.task or one.n_test != other.n_test:
        return False
    same_truth = list(one.test_target) == list(other.test_target)
    return same_truth and list(one.test_target.index) == list(other.test_target.index) and one.n_rows == other.n_rows


def _differences(held_out: list[RunData], models: list[Model]) -> dict[str, Any]:
    one, other = (
        answers_of(model, data.test_outputs(model.plan, cast(np.ndarray, data.test_inputs())), data.test_target)
        for model, data in zip(models, held_out, strict=True)
    )
    if one is None or other is None:
        return {}
    return {name: asdict(gap) for name, gap in compare_answers(one, other, seed=0).items()}
