"""The result of a run as people read it: scores and how they are known, sizes, files, and what to do next."""

import shlex
import sys
from pathlib import Path
from typing import Any

from propneat.base.words import count
from propneat.cli.talk import wrapped

__all__ = ["describe_series", "describe_summary"]

_STANDINGS = {"better": "the network is better", "worse": "the network is worse", "even": "no difference shown"}
_STOPS = {
    "target_fitness": ", stopped at the target fitness",
    "patience": ", stopped when no generation was better for as long as --patience says",
}
"""What is said of a run whose last population did not use up its generations."""
_LABEL = 11


def describe_summary(summary: dict[str, Any]) -> str:
    """Return the result for people."""
    lines = {
        "test": _test(summary),
        "beside": _beside(summary),
        "validation": f"loss {_figure(summary['validation_loss'])}, "
        f"{summary['score_name']} {_figure(summary['validation_score'])} when it was chosen",
        "size": f"{count(summary['connections'], 'connection')}, {count(summary['hidden_nodes'], 'hidden node')}, "
        f"{count(summary['layers'], 'layer')}, "
        f"{summary['inputs_used']} of {count(summary['inputs'], 'input')} used",
        "taught": _taught(summary),
        "sizes": _sizes(summary),
        "time": f"{summary['seconds']:.1f} s for {summary['generations']} of "
        f"{count(summary['generations_asked'], 'generation')}{_STOPS.get(summary.get('stopped'), '')}",
        "network": f"{summary['champion']}, drawn in {Path(summary['folder']) / 'network.svg'}",
        "report": summary.get("report", ""),
        "next": _next(summary),
    }
    told = ((name, part) for name, text in lines.items() for part in text.splitlines())
    shown, before = [], None
    for name, text in told:
        shown.append(wrapped(f"{name if name != before else '':<{_LABEL}}{text}", sys.stdout, indent=_LABEL))
        before = name
    return "\n".join(shown)


def _taught(summary: dict[str, Any]) -> str:
    """Say who taught the champion, where a linear network did too."""
    share = summary.get("linear_share")
    return f"by the mean of its populations' champions and, {share:.0%} of it, a linear network" if share else ""


def _test(summary: dict[str, Any]) -> str:
    from propneat.report.run_page.tables import SCORE_WORDS

    if not summary["test"]:
        return f"no {summary['unit']} held out"
    ends = summary.get("test_intervals", {})
    tested = []
    for name, value in summary["test"].items():
        known = f" (95 %: {_figure(ends[name][0])} to {_figure(ends[name][1])})" if name in ends and not tested else ""
        tested.append(f"{SCORE_WORDS.get(name, name)} {_figure(value)}{known}")
    return f"{', '.join(tested)} on {summary['test_rows']} {summary['unit']} held out"


def _beside(summary: dict[str, Any]) -> str:
    """Say what the methods come to that were trained on the same rows, a line each."""
    from propneat.report.run_page.tables import SCORE_WORDS, headline_of, standing

    lines = []
    for one in summary.get("baselines", []):
        name = headline_of(one)
        low, high = one["test_intervals"][name]
        known = f"{SCORE_WORDS[name]} {_figure(one['test'][name])} (95 %: {_figure(low)} to {_figure(high)})"
        lines.append(f"{one['name']} of {one['size']}: {known}, {_STANDINGS[standing(one)]}")
    return "\n".join(lines)


def _sizes(summary: dict[str, Any]) -> str:
    """Say what else there is to pick from, and that a size asked for was not found."""
    asked = summary["pick"]
    missed = f"none of at most {asked} was found; " if isinstance(asked, int) and summary["connections"] > asked else ""
    return (
        f"{missed}the best of {count(summary['networks'], 'size')}, propneat pick {shlex.quote(summary['folder'])} shows them"
    )


def _next(summary: dict[str, Any]) -> str:
    if not summary["finished"]:
        return f"propneat evolve --resume {shlex.quote(summary['folder'])}"
    return f"propneat predict {shlex.quote(summary['champion'])} NEW_TABLE.csv"


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def describe_series(result: dict[str, Any]) -> str:
    """Return what several runs came to, for people: a line per run, then means and standard deviations."""
    from propneat.report.run_page.tables import SCORE_WORDS

    lines = []
    for one in result["runs"]:
        scores = ", ".join(f"{SCORE_WORDS.get(name, name)} {_figure(value)}" for name, value in one["test"].items())
        lines.append(f"{one['folder']}: {scores or 'no test rows'}, {count(one['connections'], 'connection')}")
    if result["mean"]:
        rows = [
            ("network", result["mean"], None),
            *((one["name"], one["mean"], one["network_less_it"]) for one in result["baselines"]),
        ]
        lines += ["", f"mean and standard deviation over {count(len(result['runs']), 'run')}"]
        for name, means, gaps in rows:
            scores = [
                f"{SCORE_WORDS.get(score, score)} {_mean(spread, 1 if score in ('connections', 'seconds') else 4)}"
                + (f" (p {gaps[score]['p_value']:.2g})" if gaps and gaps[score]["p_value"] is not None else "")
                for score, spread in means.items()
            ]
            lines.append(f"{name}: {', '.join(scores)}")
    if result["baselines"]:
        lines.append("p: that the network does not differ, corrected resampled t-test (Nadeau and Bengio 2003)")
    if not result["finished"]:
        lines += ["", f"next       propneat evolve --resume {shlex.quote(result['folder'])}"]
    return "\n".join(wrapped(line, sys.stdout, indent=2) if line else "" for line in lines)


def _mean(spread: dict[str, float | None], n_decimals: int) -> str:
    if spread["mean"] is None:
        return "undefined"
    known = "" if spread["deviation"] is None else f" ± {spread['deviation']:.{n_decimals}f}"
    return f"{spread['mean']:.{n_decimals}f}{known}"
