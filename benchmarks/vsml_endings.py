"""The last stages of VSML's meta-training, from the end of the stage before them, with tasks of several meta-seeds.

    python benchmarks/vsml_endings.py --seeds 0 1 2 --out results/vsml-endings

Adam begins anew at the first of these stages, so seed 0 gives what `propneat benchmark native vsml --meta-train` gives. Writes
one parameters.json a seed, skips seeds that are there, and prints what each learner gains on the same 40 synthetic tasks of
5,000 rows: online from the second tenth of the rows to the last, and of the averaged state, frozen and judged on the last fifth,
with two standard errors over tasks. At the end the spread of these means over the meta-seeds.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from propneat.methods.claims import spread
from propneat.methods.vsml.horizon_study import frozen_states, gains, long_episodes
from propneat.methods.vsml.meta_training import CURRICULUM, MetaState, meta_train
from propneat.methods.vsml.parameters import (
    N_PARAMETERS,
    MetaParameters,
    load_parameters,
    plain_numbers,
    save_parameters,
)
from propneat.methods.vsml.remake import COMMAND, recipe_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--length", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=Path("results/vsml-endings"))
    options = parser.parse_args()
    means: dict[str, list[float]] = {}
    for seed in options.seeds:
        path = options.out / f"seed{seed}" / "parameters.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            save_parameters(path, end(seed))
        print(f"meta-seed {seed}, two standard errors over tasks:")
        for name, values in gained(load_parameters(path).values, options.tasks, options.length).items():
            show(name, values)
            means.setdefault(name, []).append(float(values.mean()))
    print("the means of these, two standard errors over meta-seeds:")
    for name, values in means.items():
        show(name, values)


def gained(values: np.ndarray, n_tasks: int, length: int) -> dict[str, np.ndarray]:
    """Return by task what a learner of these parameters gains online, and what its averaged state does."""
    found = {"online": gains(long_episodes({"VSML": values}, 0, n_tasks, length)["VSML"])}
    frozen = [(name, hits) for name, hits in frozen_states(values, 0, n_tasks, length).items() if name.startswith("mean")]
    for (before, few), (after, many) in pairwise(frozen):
        found[f"{before.removesuffix(' rows')} to {after.removeprefix('mean state, ')}"] = many - few
    return found


def show(name: str, values: Sequence[float] | np.ndarray) -> None:
    mean, interval, n_runs = spread(values)
    between = "" if interval is None else f" [{interval[0]:.4f} to {interval[1]:.4f}]"
    print(f"  {name:40} {mean:.4f}{between}, n {n_runs}", flush=True)


def end(seed: int) -> MetaParameters:
    """Return the package's parameters with the stages made anew from the first one in which Adam begins anew."""
    shipped, first = load_parameters(), next(k for k, stage in enumerate(CURRICULUM) if stage.begins_anew)
    n_before = sum(stage.steps for stage in CURRICULUM[:first])
    start = np.array(shipped.stages[first - 1], np.float32)
    state = MetaState(start, np.zeros(N_PARAMETERS), np.zeros(N_PARAMETERS), shipped.losses[:n_before])
    ends, last_steps, begun = list(shipped.stages[:first]), np.cumsum([stage.steps for stage in CURRICULUM]), time.time()

    def callback(state: MetaState) -> None:
        if state.step in last_steps:
            ends.append(plain_numbers(state.values))
        if state.step % 20 == 0:
            print(f"seed {seed}: meta-step {state.step}, {time.time() - begun:.0f} s", flush=True)

    state = meta_train(seed, CURRICULUM, state, callback)
    losses = tuple(round(loss, 6) for loss in state.losses)
    return MetaParameters(state.values, COMMAND, recipe_of(seed, CURRICULUM), tuple(ends), losses)


if __name__ == "__main__":
    main()
