"""Control problems: steps until solved and final return, plain NEAT beside learning between generations, and neat-python.

    NUMBA_NUM_THREADS=1 python benchmarks/control.py --size full --store rows.jsonl --csv control.csv --png control.png

All arms see the same number of steps in the environment, judging included, and are judged alike: the best of every generation
in 20 episodes of its own, and it has solved the environment when its mean return reaches the score of gymnasium there and in
100 other episodes. Pendulum-v1 has no such score; there the final return counts. The champion is then tested in 100 new
episodes. neat-python has its own population, of as many genomes, breeding and species, settings as in its examples, networks
that are evaluated by `activate`, and observations as they are. A row that is in the store is not run again.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.compiler import compile_pool, compile_programs
from propneat.control import ENVIRONMENTS
from propneat.control.compiled import first_states, observe_all, step_all
from propneat.control.finding import find_world
from propneat.control.judging import judged_in
from propneat.control.moments import Moments
from propneat.control.search import evolve_control
from propneat.genome import GenePool
from propneat.settings.control_config import default_control

STEPS = {
    "CartPole-v1": 200_000,
    "Acrobot-v1": 500_000,
    "MountainCar-v0": 500_000,
    "MountainCarContinuous-v0": 500_000,
    "Pendulum-v1": 1_000_000,
}
SIZES = {"small": {"seeds": 1, "share": 0.1}, "full": {"seeds": 10, "share": 1.0}}
JUDGED, TESTED = 20, 100
FIRST_SEED = 100
"""Smaller ones chose the default settings."""

Arm = Callable[[str, int, int], dict[str, Any]]


def propneat_arm(method: str) -> Arm:
    """Return an arm of propneat's: "neat", or "propneat" with learning between generations."""

    def run(env: str, seed: int, steps: int) -> dict[str, Any]:
        world, config = find_world(env), default_control(env, method)
        config = replace(config, seed=seed, env_steps=steps)
        state = evolve_control(world, config)
        scaling = state.extra["scaling"] and Moments.from_dict(state.extra["scaling"])
        programs = compile_programs(compile_pool(GenePool.pack([state.champion])))
        tested = judged_in(world, programs, scaling, TESTED, seed, "test")
        solved = state.extra["env_steps"] if state.extra["solved"] else None
        return {"solved_after": solved, "steps": state.extra["env_steps"], "test_return": float(tested.returns.mean())}

    return run


NEAT_PYTHON = """
[NEAT]
fitness_criterion = max
fitness_threshold = 1e30
no_fitness_termination = True
pop_size = 50
reset_on_extinction = True
[DefaultGenome]
activation_default = tanh
activation_mutate_rate = 0.0
activation_options = tanh
aggregation_default = sum
aggregation_mutate_rate = 0.0
aggregation_options = sum
bias_init_mean = 0.0
bias_init_stdev = 1.0
bias_max_value = 30.0
bias_min_value = -30.0
bias_mutate_power = 0.5
bias_mutate_rate = 0.7
bias_replace_rate = 0.1
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.2
conn_delete_prob = 0.2
enabled_default = True
enabled_mutate_rate = 0.01
feed_forward = True
initial_connection = full_direct
node_add_prob = 0.2
node_delete_prob = 0.2
num_hidden = 0
num_inputs = {n_inputs}
num_outputs = {n_outputs}
response_init_mean = 1.0
response_init_stdev = 0.0
response_max_value = 30.0
response_min_value = -30.0
response_mutate_power = 0.0
response_mutate_rate = 0.0
response_replace_rate = 0.0
weight_init_mean = 0.0
weight_init_stdev = 1.0
weight_max_value = 30
weight_min_value = -30
weight_mutate_power = 0.5
weight_mutate_rate = 0.8
weight_replace_rate = 0.1
[DefaultSpeciesSet]
compatibility_threshold = 3.0
[DefaultStagnation]
species_fitness_func = max
max_stagnation = 20
species_elitism = 2
[DefaultReproduction]
elitism = 2
survival_threshold = 0.2
"""


def neat_python_config(n_inputs: int, n_outputs: int) -> Any:
    import neat

    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(NEAT_PYTHON.format(n_inputs=n_inputs, n_outputs=n_outputs))
        file.flush()
        return neat.Config(
            neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, file.name
        )


def episodes(environment: Any, network: Any, seeds: np.ndarray) -> tuple[float, int]:
    """Return the mean return of a network of neat-python, and the number of steps."""
    rewards, ended, total, steps = np.zeros(1), np.zeros(1, bool), 0.0, 0
    for seed in seeds:
        states, seen = first_states(environment, np.array([seed])), np.zeros((1, environment.n_observations))
        for time_ in range(environment.max_steps):
            observe_all(environment.code, states, seen)
            outputs = network.activate(seen[0].tolist())
            action = environment.action.act(np.array([outputs]))
            step_all(environment.code, states, np.ravel(action).astype(float), time_, False, rewards, ended)
            total, steps = total + rewards[0], steps + 1
            if ended[0]:
                break
    return total / len(seeds), steps


class Enough(Exception):
    """Raised to leave neat-python's loop."""


def neat_python_arm(env: str, seed: int, steps: int) -> dict[str, Any]:
    """Run neat-python as its documentation shows, on the same compiled environment."""
    import neat

    environment, settings = ENVIRONMENTS[env], default_control(env)
    config = neat_python_config(environment.n_observations, environment.action.n_outputs)
    made = {"steps": 0, "champion": None, "judged": -np.inf, "solved": None, "generation": 0}

    def seeds(what: str, count: int) -> np.ndarray:
        return make_rng(seed, what, made["generation"]).integers(0, 2**63, count, dtype=np.uint64)

    def evaluate(genomes: list[tuple[int, Any]], config: Any) -> None:
        starts = seeds("episodes", settings.episodes)
        networks = [neat.nn.FeedForwardNetwork.create(genome, config) for _, genome in genomes]
        for (_, genome), network in zip(genomes, networks, strict=True):
            genome.fitness, used = episodes(environment, network, starts)
            made["steps"] += used
        best = networks[int(np.argmax([genome.fitness for _, genome in genomes]))]
        mean, used = episodes(environment, best, seeds("judge", JUDGED))
        made["steps"] += used
        if mean > made["judged"]:
            made["champion"], made["judged"] = best, mean
        if environment.is_solved(mean):
            again, used = episodes(environment, best, seeds("solved", TESTED))
            made["steps"] += used
            if environment.is_solved(again):
                made["champion"], made["solved"] = best, made["steps"]
                raise Enough
        made["generation"] += 1
        if made["steps"] >= steps:
            raise Enough

    try:
        neat.Population(config, seed=seed).run(evaluate, 10_000)
    except Enough:
        pass
    test = episodes(environment, made["champion"], make_rng(seed, "test").integers(0, 2**63, TESTED, dtype=np.uint64))[0]
    return {"solved_after": made["solved"], "steps": made["steps"], "test_return": float(test)}


ARMS: dict[str, Arm] = {"neat": propneat_arm("neat"), "propneat": propneat_arm("propneat"), "neat-python": neat_python_arm}


def carry_out(store: Path | None, size: dict[str, Any], envs: list[str], arms: list[str]) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in store.read_text().splitlines()] if store and store.exists() else []
    known = {(row["env"], row["arm"], row["seed"]) for row in rows}
    for seed in range(FIRST_SEED, FIRST_SEED + size["seeds"]):
        for env in envs:
            for arm in arms:
                if (env, arm, seed) in known:
                    continue
                begin = time.perf_counter()
                row = {"env": env, "arm": arm, "seed": seed} | ARMS[arm](env, seed, int(size["share"] * STEPS[env]))
                rows.append(row | {"seconds": round(time.perf_counter() - begin, 2)})
                print(json.dumps(rows[-1]), flush=True)
                if store:
                    with store.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    return rows


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a line for each environment and arm."""
    lines = []
    for env in STEPS:
        for arm in ARMS:
            own = [row for row in rows if (row["env"], row["arm"]) == (env, arm)]
            if not own:
                continue
            solved = [row["solved_after"] for row in own if row["solved_after"] is not None]
            returns = np.array([row["test_return"] for row in own])
            lines.append({
                "env": env, "arm": arm, "seeds": len(own), "steps": STEPS[env], "solved": len(solved),
                "median_steps_to_solve": int(np.median(solved)) if solved else "",
                "mean_test_return": round(float(returns.mean()), 2), "spread": round(float(returns.std()), 2),
                "median_seconds": round(float(np.median([row["seconds"] for row in own])), 2),
            })  # fmt: skip
    return lines


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw, for each environment, steps until solved (those never solved above), or the final return where none is a score."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = {"neat": "#0072b2", "propneat": "#d55e00", "neat-python": "#777777"}
    envs = [env for env in STEPS if any(row["env"] == env for row in rows)]
    figure = Figure(figsize=(2.6 * len(envs), 3.2), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    for axes, env in zip(np.ravel([figure.subplots(1, len(envs))]), envs, strict=True):
        scored = ENVIRONMENTS[env].solved_at is not None
        for place, (arm, colour) in enumerate(colours.items()):
            own = [row for row in rows if (row["env"], row["arm"]) == (env, arm)]
            if scored:
                values = [(row["solved_after"] or 1.15 * STEPS[env]) / 1000 for row in own]
            else:
                values = [row["test_return"] for row in own]
            if not values:
                continue
            shift = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(1)
            axes.plot(place + shift, values, "o", color=colour, markersize=4.5, alpha=0.8)
            axes.plot([place - 0.28, place + 0.28], [np.median(values)] * 2, color=colour, linewidth=2)
        if scored:
            axes.axhline(1.07 * STEPS[env] / 1000, color="#bbbbbb", linewidth=0.8)
            axes.set_ylim(bottom=0)
        axes.set_xticks(range(len(colours)), list(colours), fontsize=7.5, rotation=20)
        axes.set_title(env, loc="left", fontsize=9.5)
        axes.set_ylabel("thousand steps until solved" if scored else "mean return at the end", fontsize=8)
        axes.tick_params(labelsize=7.5)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--env", choices=list(STEPS), action="append")
    parser.add_argument("--arm", choices=list(ARMS), action="append")
    parser.add_argument("--seeds", type=int, help="Number of seeds in place of the size's.")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--png", type=Path)
    options = parser.parse_args()
    size = SIZES[options.size] | ({"seeds": options.seeds} if options.seeds else {})
    rows = carry_out(options.store, size, options.env or list(STEPS), options.arm or list(ARMS))
    lines = summarise(rows)
    for line in lines:
        print(", ".join(f"{key} {value}" for key, value in line.items()))
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
    if options.png:
        draw(rows, options.png)


if __name__ == "__main__":
    main()
