"""Data sets by name, wherever they are: embedded in propneat, or PMLB's."""

from pathlib import Path
from typing import TYPE_CHECKING

from propneat.data.catalogue import read_catalogue
from propneat.data.embedded import EMBEDDED
from propneat.data.pmlb_source import cached_file, find_cache, load_pmlb

if TYPE_CHECKING:
    import pandas

__all__ = ["is_at_hand", "load_named", "unchecked_line"]


def load_named(name: str, data_dir: str | Path | None = None) -> tuple["pandas.DataFrame", str | None, str]:
    """Return the rows of a data set with the labels in "target", its task where it is known, and its source in words.

    The embedded data set comes first, unless `data_dir` is given and holds PMLB's own file. Raises DataError as `load_pmlb`.
    """
    if _is_embedded(name, data_dir):
        return EMBEDDED[name](), read_catalogue()[name].task, "embedded in propneat"
    frame = load_pmlb(name, data_dir)
    return frame, _known_task(name, frame), "PMLB, not checked" if unchecked_line(name, data_dir) else "PMLB"


def is_at_hand(name: str, data_dir: str | Path | None = None) -> bool:
    """Say whether `load_named` has a data set without a download."""
    return name in EMBEDDED or cached_file(name, find_cache(data_dir)) is not None


def unchecked_line(name: str, data_dir: str | Path | None = None) -> str | None:
    """Return a line for people where no checksum guards the file that `load_named` takes for a data set, else None."""
    entry = read_catalogue().get(name)
    if _is_embedded(name, data_dir) or (entry is not None and entry.sha256 is not None):
        return None
    return f"{name}: the catalogue has no checksum of this data set, so its file is taken as it is."


def _is_embedded(name: str, data_dir: str | Path | None) -> bool:
    """Say whether a name means the embedded data set."""
    return name in EMBEDDED and (data_dir is None or cached_file(name, Path(data_dir)) is None)


def _known_task(name: str, frame: "pandas.DataFrame") -> str | None:
    """Return the task by the catalogue, else by PMLB's lists of classification and regression data sets, else None."""
    import pmlb

    if name in read_catalogue():
        return read_catalogue()[name].task
    if name in pmlb.classification_dataset_names and "target" in frame:
        return "binary" if frame["target"].nunique() == 2 else "multiclass"
    return "regression" if name in pmlb.regression_dataset_names else None
