"""Double pole balancing, with and without velocities: evaluations until it is solved, seed by seed.

    NUMBA_NUM_THREADS=1 python benchmarks/double_pole.py --size full --store results.jsonl

With velocities a network is a solution that balances for 100,000 steps. Without, one that does so and balances for 1,000 steps
from 200 of 625 starts or more; fitness is the damping fitness. An evaluation is a network in its episode: genomes times
generations. The tests of the best of a generation are not counted, as they are not in what is published. A seed that is in the
store is not run again. Settings are the defaults, found on seeds from 1000 on. `--learning` has networks learn between generations,
which nothing was set for here: the arms differ in that alone.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from propneat.control.finding import find_world
from propneat.control.judging import generalisation
from propneat.control.search import evolve_control
from propneat.settings.control_config import default_control

SIZES = {"small": 3, "middle": 20, "full": 100}
MOST_EVALUATIONS = 200_000
ENVIRONMENTS = ("double-pole", "double-pole-no-velocities")
ARMS = {
    "none": {},
    "regression": {"method": "propneat", "learning": "regression"},
    "gradient": {"method": "propneat", "learning": "gradient"},
}


def solve(env: str, learning: str, seed: int) -> dict[str, Any]:
    """Return what a run came to, as plain values."""
    config = default_control(env)
    world = find_world(env)
    generations = MOST_EVALUATIONS // config.evolution.population_size
    config = replace(config, seed=seed, generations=generations, **ARMS[learning])
    state = evolve_control(world, config)
    return {
        "env": env,
        "learning": learning,
        "seed": seed,
        "solved": state.extra["solved"],
        "evaluations": state.extra["evaluations"],
        "env_steps": state.extra["env_steps"],
        "starts": generalisation(world, state.champion),
        "connections": state.history[-1]["n_connections"],
        "hidden": state.history[-1]["n_hidden"],
    }


def stored(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--env", choices=ENVIRONMENTS, action="append")
    parser.add_argument("--learning", choices=list(ARMS), default="none")
    parser.add_argument("--store", type=Path, help="File of results, a JSON object a line; what is in it is not run again.")
    options = parser.parse_args()
    for env in options.env or ENVIRONMENTS:
        done = {row["seed"]: row for row in stored(options.store) if (row["env"], row["learning"]) == (env, options.learning)}
        rows = []
        for seed in range(SIZES[options.size]):
            row = done.get(seed) or solve(env, options.learning, seed)
            if seed not in done and options.store:
                with options.store.open("a") as file:
                    file.write(json.dumps(row) + "\n")
            rows.append(row)
        counts = np.array([row["evaluations"] for row in rows])
        starts = np.array([row["starts"] for row in rows])
        print(
            f"{env}, learning {options.learning}: {sum(row['solved'] for row in rows)} of {len(rows)} solved, evaluations mean {counts.mean():,.0f}, "
            f"median {np.median(counts):,.0f}, standard deviation {counts.std():,.0f}, most {counts.max():,}; "
            f"starts mean {starts.mean():.0f}; connections mean {np.mean([row['connections'] for row in rows]):.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
