"""What more search brings: scores inside training rows when the budget grows 5 and 25 times, as generations or as populations.

    python benchmarks/anytime.py --data-dir DIR [--suite small|rules|numbers|large ...] [--budgets 1 5 25] [--json FILE]
    python benchmarks/anytime.py --json FILE --picture anytime.png

Of every data set 30 % of the rows are left out for good; of the others 70 % train and 30 % are scored, by AUC or R2. A budget of 1
is one population of 30 generations, all else as by default. What is in the JSON file already is not computed again.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from inner_scores import inner_rows
from sklearn.metrics import r2_score, roc_auc_score

from propneat import PropNEATClassifier, PropNEATRegressor
from propneat.data import encode_target, load_table

SUITES = {
    "small": "glass2 sonar spectf ionosphere backache heart_c bupa molecular_biology_promoters breast_cancer appendicitis saheart "
    "prnn_crabs heart_h biomed pima spect",
    "rules": "parity5+5 monk1 monk2 monk3 tic_tac_toe mux6 threeOf9 xd6 mofn_3_7_10 corral Hill_Valley_with_noise flare",
    "numbers": "1029_LEV 229_pwLinear 230_machine_cpu 505_tecator 560_bodyfat 579_fri_c0_250_5 591_fri_c1_100_10 "
    "605_fri_c2_250_25 613_fri_c3_250_5 622_fri_c2_1000_50 646_fri_c3_500_10 690_visualizing_galaxy 695_chatfield_4 "
    "706_sleuth_case1202 712_chscase_geyser1 1096_FacultySalaries 207_autoPrice 556_analcatdata_apnea2",
    "large": "phoneme spambase churn ring kr_vs_kp",
}
WAYS = ("generations", "populations")
_GENERATIONS = 30


def measure(name: str, data_dir: str, seed: int, way: str, budget: int) -> dict[str, float]:
    """Return the score on rows held out of the training rows, the connections, and the CPU seconds of a fit."""
    table = load_table(name, data_dir=data_dir)
    codes = encode_target(table.target, table.task)[1]
    learn, judge = inner_rows(codes, table.task, seed)
    settings = {"generations": _GENERATIONS, "populations": 1, "random_state": seed}
    if way == "generations":
        settings["generations"] *= budget
    else:
        settings["populations"] = budget
    start = time.process_time()
    if table.task == "regression":
        model = PropNEATRegressor(**settings).fit(table.features.iloc[learn], codes[learn])
        score = r2_score(codes[judge], model.predict(table.features.iloc[judge]))
    else:
        model = PropNEATClassifier(**settings).fit(table.features.iloc[learn], codes[learn])
        score = roc_auc_score(codes[judge], model.predict_proba(table.features.iloc[judge])[:, 1])
    return {"score": float(score), "connections": model.model_.plan.n_edges, "seconds": time.process_time() - start}


def summarise(found: dict[str, dict[str, float]]) -> list[dict[str, float | str]]:
    """Return a row for every suite, way and budget: means over data sets, and the standard error of the gain over budget 1."""
    rows = []
    for suite, names in SUITES.items():
        for way in WAYS:
            budgets = sorted({int(key.split()[3]) for key in found if key.split()[2] == way})
            for budget in budgets:
                pairs = [
                    (found[key], found[f"{name} {seed} {way} 1"])
                    for key in found
                    for name, seed, own, count in [key.split()]
                    if name in names.split() and own == way and int(count) == budget and f"{name} {seed} {way} 1" in found
                ]
                if len(pairs) > 1:
                    gains = np.array([one["score"] - base["score"] for one, base in pairs])
                    means = {key: float(np.mean([one[key] for one, _ in pairs])) for key in ("score", "connections", "seconds")}
                    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
                    row = {"suite": suite, "way": way, "budget": budget, "runs": len(pairs), **means}
                    rows.append(row | {"gain": float(gains.mean()), "error": error})
    return rows


def draw(rows: list[dict[str, float | str]], path: Path) -> None:
    """Draw the mean gain over budget 1 against the budget, a panel for each suite."""
    from matplotlib import pyplot

    suites = [suite for suite in SUITES if any(row["suite"] == suite for row in rows)]
    figure, panels = pyplot.subplots(1, len(suites), figsize=(3.6 * len(suites), 3.2), squeeze=False, layout="constrained")
    for panel, suite in zip(panels[0], suites, strict=True):
        for way, colour in zip(WAYS, ("#d55e00", "#0072b2"), strict=True):
            own = [row for row in rows if row["suite"] == suite and row["way"] == way]
            gains, errors = ([row[key] for row in own] for key in ("gain", "error"))
            panel.errorbar(
                [row["budget"] for row in own], gains, errors, color=colour, marker="o", capsize=3, label=f"more {way}"
            )
        panel.axhline(0, color="#8a8a8a", linewidth=0.8)
        panel.set(title=suite, xscale="log", xlabel="budget", xticks=(ticks := [1, 5, 25]), xticklabels=map(str, ticks))
        panel.minorticks_off()
    panels[0, 0].set_ylabel("gain in AUC or R²")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure what is asked for and not yet in the file, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir")
    parser.add_argument("--suite", nargs="+", choices=SUITES, default=list(SUITES))
    parser.add_argument("--budgets", nargs="+", type=int, default=[1, 5, 25])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("anytime.json"))
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    found = json.loads(options.json.read_text()) if options.json.exists() else {}
    wanted = [
        (name, seed, way, budget)
        for budget in sorted({1, *options.budgets})
        for suite in options.suite
        for seed in range(options.seeds)
        for name in SUITES[suite].split()
        for way in WAYS
    ]
    for name, seed, way, budget in wanted if options.data_dir else ():
        key, first = f"{name} {seed} {way} {budget}", f"{name} {seed} {WAYS[0]} {budget}"
        if key not in found:
            # a budget of 1 is the same in both ways
            found[key] = found[first] if budget == 1 and first in found else measure(name, options.data_dir, seed, way, budget)
            options.json.write_text(json.dumps(found, indent=1))
    rows = summarise(found)
    for row in rows:
        print(
            f"{row['suite']:<8} {row['way']:<12} x{row['budget']:<3} {row['runs']:3} runs  score {row['score']:.4f}  "
            f"gain {row['gain']:+.4f} (se {row['error']:.4f})  {row['connections']:6.1f} connections  {row['seconds']:7.1f} CPU s"
        )
    if options.picture:
        draw(rows, options.picture)


if __name__ == "__main__":
    main()
