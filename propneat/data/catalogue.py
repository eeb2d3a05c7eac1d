"""The catalogue: what is known of each data set without opening it, and the checksums that guard the cache."""

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

__all__ = ["CATALOGUE_SCHEMA", "CatalogueEntry", "find_suggestion", "read_catalogue"]

CATALOGUE_SCHEMA = "propneat.catalogue/1"


@dataclass(frozen=True)
class CatalogueEntry:
    """One data set.

    `features` counts columns without the target; `classes` is 0 for a regression; `family` is shared by data sets that
    are copies of one another, or nearly; `in_paper_list` says whether the authors of PropNEAT list it for their experiments.
    `embedded` data sets need no network, and `exact` says that the embedded rows are, in whatever order, those of PMLB's file
    (or of scikit-learn's, where PMLB has none). `sha256` is that of PMLB's file as published, `values_sha256` that of
    its values (see `pmlb_source.values_digest`); both are None for data sets that PMLB does not have. PMLB has data sets beyond
    the catalogue; their files are taken unchecked, which `named.unchecked_line` says.
    """

    name: str
    rows: int
    features: int
    classes: int
    task: str
    family: str
    in_paper_list: bool
    embedded: bool
    exact: bool
    sha256: str | None
    values_sha256: str | None
    note: str


@cache
def read_catalogue() -> MappingProxyType[str, CatalogueEntry]:
    """Return the catalogue's entries by name, in alphabetical order, upper and lower case alike."""
    document = json.loads((files("propneat.data") / "catalogue.json").read_text("utf-8"))
    return MappingProxyType({entry["name"]: CatalogueEntry(**entry) for entry in document["data_sets"]})


def find_suggestion(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like a mistyped one, upper and lower case alike, or None."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None
