"""A report as one HTML page that loads nothing: what its template is given."""

from collections.abc import Sequence
from datetime import UTC, datetime

from propneat.report.benchmark.analysis import Analysis
from propneat.report.benchmark.elements import Section, plural
from propneat.report.benchmark.results import Results
from propneat.report.pages import render_page

__all__ = ["measured_on", "render_html"]


def render_html(
    title: str, version: str, protocol: str, analyses: Sequence[Analysis], sections: tuple[Section, ...], measured: str = ""
) -> str:
    """Return the page as text, the same for the same report; `measured` says when its results were computed."""
    facts = [*_counts(analyses), (protocol, "protocol"), *([(measured, "results computed")] if measured else [])]
    return render_page("benchmark.html", title=title, version=version, facts=facts, sections=sections, measured=measured)


def measured_on(results: Results) -> str:
    """Return the day on which results were computed, or the first and the last; nothing where that is not known."""
    if "finished" not in results.rows:
        return ""
    moments = results.rows["finished"].dropna()
    days = (
        [datetime.fromtimestamp(float(moment), UTC).date().isoformat() for moment in (moments.min(), moments.max())]
        if len(moments)
        else []
    )
    return " to ".join(dict.fromkeys(days))


def _counts(analyses: Sequence[Analysis]) -> list[tuple[str, str]]:
    """Return the numbers that say how much there is, each with what it counts."""
    everything = [analysis.cells for analysis in analyses]
    n_families = len({dataset.family for cells in everything for dataset in cells.datasets})
    n_datasets = sum(len(cells.datasets) for cells in everything)
    n_methods = len({method for cells in everything for method in cells.methods})
    usable = sum(cells.n_usable_tasks for cells in everything)
    planned = sum(int(cells.planned.sum()) for cells in everything)
    sets = f"data set{'' if n_datasets == 1 else 's'} in {n_families} famil{'y' if n_families == 1 else 'ies'}"
    return [
        (str(n_methods), "method" if n_methods == 1 else "methods"),
        (str(n_datasets), sets),
        (f"{usable:,}", f"usable of {plural(planned, 'task')}"),
    ]
