"""What the report of a run says, put together for its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from propneat import __version__
from propneat.compiler import LayerPlan, evaluate
from propneat.model import Model, summarise
from propneat.model.importance import Dependence, Importance
from propneat.model.intervals import Answers
from propneat.report.drawing import Drawing
from propneat.report.network_svg import draw_network
from propneat.report.pages import render_page
from propneat.report.run_page.charts import (
    draw_calibration,
    draw_curves,
    draw_dependence,
    draw_importance,
    draw_predicted,
    draw_residuals,
    draw_roc,
    draw_sizes,
)
from propneat.report.run_page.descent import draw_ancestors, draw_species
from propneat.report.run_page.tables import (
    LOW_IS_GOOD,
    SCORE_WORDS,
    columns_table,
    confusion_table,
    results_table,
    sizes_table,
    usage,
    verdicts,
)
from propneat.search.descent import Ancestor, SpeciesSize

__all__ = ["RunContent", "render_run_page"]

_MOST_COLUMNS = 20
"""Of the chart of importance."""


@dataclass(frozen=True, eq=False)
class RunContent:
    """All that the report of a run is made of; what there is nothing of is empty or None."""

    summary: Mapping[str, Any]
    """What `summary.json` holds, with what a judgement adds to it."""
    model: Model
    inputs: np.ndarray | None
    """Network inputs of the rows held out, (n_rows, n_inputs); None of sequences."""
    answers: Answers | None
    others: Mapping[str, Answers]
    """The answers of the baselines on the same rows, by name."""
    importances: Sequence[Importance]
    dependences: Sequence[Dependence]
    formula: Sequence[str]
    front: Sequence[Mapping[str, Any]]
    history: Sequence[Mapping[str, float]]
    species: Sequence[SpeciesSize]
    ancestors: Sequence[Ancestor]
    settings: Sequence[tuple[str, Sequence[tuple[str, str, str, bool]]]]
    """Heading of every group of settings, and of each setting its name, value, note, and whether it is not the default."""


def render_run_page(content: RunContent) -> str:
    """Return the report as HTML text, the same for the same content."""
    summary, model = content.summary, content.model
    from markupsafe import Markup

    unit = summary["unit"]
    return render_page(
        "run.html",
        version=__version__,
        summary=summary,
        unit=unit,
        model=model,
        network=Markup(_network(content, unit)),
        formula=list(content.formula),
        headline=_headline(summary),
        results=results_table(summary),
        verdicts=verdicts(summary, unit),
        confusion=confusion_table(content.answers, model.classes),
        error_charts=_error_charts(content),
        importance=_importance(content),
        n_columns=len(content.importances),
        most_columns=_MOST_COLUMNS,
        dependences=[draw_dependence(found, number) for number, found in enumerate(content.dependences)],
        sizes=draw_sizes(content.front, summary["connections"]),
        front=sizes_table(content.front, summary["connections"]),
        curves=draw_curves(content.history, _each(summary), summary["score_name"]) if content.history else [],
        descent=[draw_species(content.species), *draw_ancestors(content.ancestors)] if content.species else [],
        columns=columns_table(model, content.importances),
        settings=content.settings,
        usage=usage(summary, model),
    )


def _each(summary: Mapping[str, Any]) -> int:
    """Return the generations of one population."""
    return max(1, summary["generations_asked"] // max(1, summary["populations"]))


def _importance(content: RunContent) -> Drawing | None:
    """Return the chart of importance of the first columns, those whose importance is a number."""
    shown = [one for one in content.importances if np.isfinite([one.mean, one.spread]).all()][:_MOST_COLUMNS]
    if not shown:
        return None
    score = content.summary["importance"]["score"]
    change = "Rise" if score in LOW_IS_GOOD else "Fall"
    return draw_importance(shown, f"{change} of {SCORE_WORDS[score]}")


def _headline(summary: Mapping[str, Any]) -> list[tuple[str, tuple[str, str]]]:
    """Return the first test score and how it is known, if there is one."""
    results = results_table(summary)
    names = [SCORE_WORDS.get(name, name) for name in summary["test"]]
    return [(names[0], results["rows"][0]["cells"][0])] if names else []


def _error_charts(content: RunContent) -> list[Any]:
    answers, model = content.answers, content.model
    if answers is None:
        return []
    if answers.task == "regression":
        return [draw_predicted(answers, model.target_name), draw_residuals(answers, model.target_name)]
    names = [str(label) for label in model.classes]
    label = f"{model.target_name}={names[1]}"
    charts = [draw_roc(answers, names, content.others), draw_calibration(answers, label)]
    return [chart for chart in charts if chart is not None]


def _network(content: RunContent, unit: str) -> str:
    """Return the drawing, whose nodes say what they compute and which values they take."""
    model, about = content.model, content.summary
    nodes = summarise(model.genome, model.input_names, model.output_names).nodes
    first = model.plan.n_inputs
    notes = {first + k: _computes(node) for k, node in enumerate(nodes)}
    if content.inputs is not None and len(content.inputs):
        values = evaluate(_with_all_values(model), content.inputs)
        for slot in range(model.plan.n_slots):
            low, middle, high = np.quantile(values[:, slot], [0.05, 0.5, 0.95])
            told = f"on {unit} held out: median {middle:.4g}, 90 % from {low:.4g} to {high:.4g}"
            notes[slot] = f"{notes[slot]}\n{told}" if slot in notes else told
    title = f"{about['data']}, seed {about['seed']}"
    return draw_network(
        model.genome, input_names=model.input_names, output_names=model.output_names, title=title, marked=True, notes=notes
    )


def _with_all_values(model: Model) -> LayerPlan:
    return replace(model.plan, output_slot=np.arange(model.plan.n_slots, dtype=np.int32))


def _computes(node: Any) -> str:
    terms = [f"{weight:+.3g} {name}" for name, weight in node.terms]
    joined = " ".join(terms) if node.aggregation == "sum" else f"{node.aggregation}({', '.join(terms)})"
    total = " ".join(part for part in (joined, f"{node.bias:+.3g}") if part)
    return f"{node.name} = {node.activation}({total}), inputs standardised"
