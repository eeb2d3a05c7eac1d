"""Rank on SRBench's board at every size: each network of the front is tested, and one of a limited size or price is ranked.

    python benchmarks/srbench_sizes.py --data-dir DIR --published srbench2021_blackbox.csv [--seeds 1] [--json FILE] [--csv FILE]

Splits, seeds and sizes are those of the protocol "srbench". Of a front the network of lowest validation loss, size penalty
included, stands for each limit on the nodes of the formula; no limit is the network that the estimator takes. A price is that of
`--pick 1%`: published sizes are medians over sets too, a formula being as long as its table rewards. Test rows choose nothing. What
is in the JSON file already is not computed again.
"""

import argparse
import csv
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import r2_score

from propneat import PropNEATRegressor
from propneat.benchmark.splits import SRBENCH_SEEDS, split
from propneat.data import encode_target, load_table
from propneat.model.summary import n_nodes
from propneat.search.front import pick

LIMITS = (8, 15, 25, 50, 100, None)
PRICES = ("0.5%", "1%", "2%", "5%", "10%", "20%", "30%", "40%")
Rule = int | str | None


def measure(name: str, data_dir: str, repeat: int) -> dict[str, object]:
    """Return nodes, cost and test R2 of every network of a fit's front, the place of the one taken, and CPU seconds."""
    table = load_table(name, data_dir=data_dir)
    values = encode_target(table.target, "regression")[1]
    rows = split("srbench", name, values, repeat, 0)
    start = time.process_time()
    model = PropNEATRegressor(random_state=SRBENCH_SEEDS[repeat]).fit(table.features.iloc[rows.train], values[rows.train])
    seconds = time.process_time() - start
    scale, tested = model.model_.target_scale, table.features.iloc[rows.test]
    sizes = [member.n_connections for member in model.front_]
    return {
        "nodes": [n_nodes(member.genome, scale.log) for member in model.front_],
        "connections": sizes,
        "cost": [member.cost for member in model.front_],
        "r2": [float(r2_score(values[rows.test], model.pick_network(size).predict(tested))) for size in sizes],
        "taken": next(k for k, member in enumerate(model.front_) if member.genome == model.champion_),
        "seconds": seconds,
    }


def taken_by(found: dict[str, object], rule: Rule) -> int | None:
    """Return the place of the network taken for a price, or of lowest cost with at most so many nodes, None where all have more."""
    if rule is None:
        return found["taken"]
    if isinstance(rule, str):
        return pick(rule, found["connections"], (), (), found["cost"])
    within = [k for k, nodes in enumerate(found["nodes"]) if nodes <= rule]
    return min(within, key=found["cost"].__getitem__, default=None)


def board(found: dict[str, dict[str, object]], published: dict[str, dict[str, float]], rule: Rule) -> list[tuple[float, str]]:
    """Return mean ranks by the median over seeds of R2, a network without a formula of that size scoring 0, best first."""
    scores = defaultdict(list)
    for key, one in found.items():
        place = taken_by(one, rule)
        scores[key.split()[0]].append(0.0 if place is None else one["r2"][place])
    ranks = defaultdict(list)
    for name, own in scores.items():
        rivals = {**published[name], "propneat": float(np.median(own))}
        for method, rank in zip(rivals, rankdata([-score for score in rivals.values()]), strict=True):
            ranks[method].append(rank)
    return sorted((float(np.mean(values)), method) for method, values in ranks.items())


def main() -> None:
    """Measure what is not in the file yet, and print a board for each limit, of all sets and of the real ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--published", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("srbench_sizes.json"))
    parser.add_argument("--csv", type=Path, help="Write ranks by limit here.")
    options = parser.parse_args()
    published: dict[str, dict[str, float]] = defaultdict(dict)
    for row in csv.DictReader(options.published.open()):
        published[row["dataset"]][row["method"]] = float(row["r2_test"] or 0.0)
    found = json.loads(options.json.read_text()) if options.json.exists() else {}
    for repeat in range(options.seeds):
        for name in sorted(published):
            key = f"{name} {repeat}"
            if key not in found and (Path(options.data_dir) / name).is_dir():
                found[key] = measure(name, options.data_dir, repeat)
                options.json.write_text(json.dumps(found))
                print(key, found[key]["nodes"][found[key]["taken"]], f"{found[key]['seconds']:.1f} s", flush=True)
    lines = []
    for rule in (*LIMITS, *PRICES):
        nodes = [one["nodes"][place] for one in found.values() if (place := taken_by(one, rule)) is not None]
        for kind, own in (("all", found), ("real", {key: one for key, one in found.items() if "_fri_" not in key})):
            ranked = board(own, published, rule)
            place = [method for _, method in ranked].index("propneat")
            rivals = ", ".join(f"{method} {rank:.2f}" for rank, method in ranked[: max(5, place + 2)])
            words = f"a price of {rule}" if isinstance(rule, str) else f"at most {rule or 'any number of'} nodes"
            print(f"{words} (median {np.median(nodes):.0f}), {kind} sets: place {place + 1}: {rivals}")
            lines.append(
                {
                    "nodes_or_price": rule,
                    "sets": kind,
                    "place": place + 1,
                    "mean_rank": ranked[place][0],
                    "median_nodes": np.median(nodes),
                }
            )
    print(f"CPU seconds of a fit: median {np.median([one['seconds'] for one in found.values()]):.2f}")
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)


if __name__ == "__main__":
    main()
