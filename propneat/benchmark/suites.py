"""Named lists of data sets."""

from collections.abc import Sequence

from propneat.data import CatalogueEntry, read_catalogue
from propneat.data.catalogue import find_suggestion
from propneat.errors import ConfigError

__all__ = ["SUITES", "suite_names"]

SUITES = {
    "embedded": "classification sets that come with propneat, one of each family; no network",
    "pmlb58": "the binary PMLB sets of the PropNEAT paper: 59 names, of which it reports 58 without saying which one not",
    "pmlb58-distinct": "the same without near-duplicates, one set of each family",
    "pmlb-binary": "every binary PMLB set of the catalogue",
    "tabmini": "the sets of the TabMini study (Knauer, Grimm, Rodner 2024) that are in the catalogue",
}

_LEFT_OUT = ("agaricus_lepiota", "breast")
"""On the authors' list, and left out of their evaluation."""

_TABMINI = (
    "parity5 appendicitis molecular_biology_promoters mux6 corral glass2 backache prnn_crabs sonar biomed prnn_synth spect "
    "heart_statlog breast_cancer heart_h hungarian cleve heart_c bupa spectf ionosphere colic house_votes_84 vote saheart "
    "clean1 irish"
).split()


def suite_names(suite: str) -> list[str]:
    """Return the data sets of a suite in alphabetical order; raises ConfigError, naming the suites, for one there is not."""
    entries = [entry for entry in read_catalogue().values() if entry.task != "regression"]
    if suite == "embedded":
        return _one_per_family([entry for entry in entries if entry.embedded])
    if suite == "pmlb58":
        return [entry.name for entry in _paper(entries)]
    if suite == "pmlb58-distinct":
        return _one_per_family(_paper(entries))
    if suite == "pmlb-binary":
        return [entry.name for entry in entries if entry.task == "binary" and entry.sha256 is not None]
    if suite == "tabmini":
        return sorted(_TABMINI, key=str.lower)
    close = find_suggestion(suite, SUITES)
    hint = f"did you mean {close!r}?" if close else f"the suites are {', '.join(SUITES)}"
    raise ConfigError(f"there is no suite {suite!r}: {hint}")


def _paper(entries: Sequence[CatalogueEntry]) -> list[CatalogueEntry]:
    return [entry for entry in entries if entry.in_paper_list and entry.name not in _LEFT_OUT]


def _one_per_family(entries: Sequence[CatalogueEntry]) -> list[str]:
    """Keep the first of every family, its namesake where that is among them."""
    names = {entry.name for entry in entries}
    kept: dict[str, str] = {}
    for entry in entries:
        kept.setdefault(entry.family, entry.family if entry.family in names else entry.name)
    return sorted(kept.values(), key=str.lower)
