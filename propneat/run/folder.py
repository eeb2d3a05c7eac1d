"""The folder of a run: which files it has, how it is made, and how they are read and written, each whole or absent."""

import errno
import fcntl
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propneat.base.errors import CheckpointError, ConfigError, RunError
from propneat.base.records import format_csv, make_folder, write_atomic

__all__ = [
    "RunFolder",
    "check_run_folder",
    "claim_folder",
    "create_run_folder",
    "default_run_folders",
    "free_folders",
    "is_run_folder",
    "open_run_folder",
]

_MADE_BY_RUNS = (
    "champion.json",
    "history.csv",
    "timing.csv",
    "network.svg",
    "progress.png",
    "progress.svg",
    "descent.png",
    "species.csv",
    "lineage.csv",
    "front.json",
    "front.csv",
    "front.png",
    "report.html",
    "summary.json",
    "checkpoint.npz",
    "checkpoint.journal",
    "config.toml",
)
_RESULTS = _MADE_BY_RUNS[:12]
"""What a run makes of its last state; the report may not have been wanted."""
_MARK = "# This folder belongs to a run of propneat, which replaces its own files in it.\n"
_NUMBER, _FIGURE = (int, float), (int, float, type(None))
_SUMMARY: dict[str, type | tuple[type, ...]] = {
    "test": dict,
    "test_rows": int,
    "validation_loss": _FIGURE,
    "validation_score": _FIGURE,
    "score_name": str,
    "unit": str,
    "connections": int,
    "hidden_nodes": int,
    "layers": int,
    "inputs_used": int,
    "inputs": int,
    "seconds": _NUMBER,
    "generations": int,
    "generations_asked": int,
    "champion": str,
    "finished": bool,
}
"""What a summary has at least, and the types of it."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run's files; `config.toml` is written first, and `summary.json` last."""

    path: Path

    @property
    def files(self) -> list[Path]:
        """All that a run writes."""
        return [self.path / name for name in _MADE_BY_RUNS]

    @property
    def champion(self) -> Path:
        """The model, all that is needed to predict."""
        return self.path / "champion.json"

    @property
    def history(self) -> Path:
        """One row per generation, the same bytes for the same run."""
        return self.path / "history.csv"

    @property
    def timing(self) -> Path:
        """Elapsed seconds after each generation, which differ from run to run."""
        return self.path / "timing.csv"

    @property
    def network(self) -> Path:
        """Drawing of the champion."""
        return self.path / "network.svg"

    @property
    def progress(self) -> Path:
        """Picture of the history."""
        return self.path / "progress.png"

    @property
    def progress_svg(self) -> Path:
        """The same, to be printed at any size."""
        return self.path / "progress.svg"

    @property
    def front(self) -> Path:
        """The best networks of every size, with their figures."""
        return self.path / "front.json"

    @property
    def front_table(self) -> Path:
        """Their figures alone."""
        return self.path / "front.csv"

    @property
    def front_picture(self) -> Path:
        """Loss and score against size."""
        return self.path / "front.png"

    @property
    def report(self) -> Path:
        """All of it as one page, unless none was wanted."""
        return self.path / "report.html"

    @property
    def summary(self) -> Path:
        """What the run came to; with `finished` true nothing is left to do."""
        return self.path / "summary.json"

    @property
    def checkpoint(self) -> Path:
        """State after the last generation done."""
        return self.path / "checkpoint.npz"

    @property
    def config(self) -> Path:
        """All settings of the run."""
        return self.path / "config.toml"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the folder for this process alone; raises RunError when another has it. A process that ends gives it up."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # some network file systems lock no folders: there, nobody is kept out
            if error.errno in (errno.EAGAIN, errno.EACCES):
                os.close(descriptor)
                raise RunError(
                    f"another process is writing {self.path}: wait for it to end, or choose another folder"
                ) from error
        try:
            yield
        finally:
            os.close(descriptor)

    def write_config(self, settings: str) -> None:
        """Write the settings, TOML text, below a line that says whose folder this is."""
        write_atomic(self.config, _MARK + settings)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the summary as JSON; what UTF-8 cannot hold, of a folder's name, is escaped."""
        write_atomic(self.summary, json.dumps(summary, indent=2, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")

    def read_summary(self) -> dict[str, Any] | None:
        """Return the summary; None when there is none that can be read and has what a summary has."""
        try:
            summary = json.loads(self.summary.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(summary, dict) or not all(isinstance(summary.get(key, ()), kind) for key, kind in _SUMMARY.items()):
            return None
        return summary if all(isinstance(value, _FIGURE) for value in summary["test"].values()) else None

    def has_results(self) -> bool:
        """Say whether all is there that a run makes of its last state."""
        return all((self.path / name).is_file() for name in _RESULTS)

    def write_history(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the history, one row per generation, columns as in the first row; generations count from 1, as on screens."""
        rows = [{**row, "generation": row["generation"] + 1} for row in history]
        write_atomic(self.history, format_csv(rows, list(history[0])))

    def write_timing(self, seconds: Mapping[int, float]) -> None:
        """Write elapsed seconds by generation, which counts from 1 in the file."""
        rows = [{"generation": generation + 1, "seconds": f"{value:.3f}"} for generation, value in sorted(seconds.items())]
        write_atomic(self.timing, format_csv(rows, ["generation", "seconds"]))

    def read_timing(self) -> dict[int, float]:
        """Return elapsed seconds by generation, as far as they are known."""
        try:
            lines = self.timing.read_text().splitlines()[1:]
            return {int(generation) - 1: float(seconds) for generation, seconds in (line.split(",") for line in lines)}
        except (OSError, ValueError):
            return {}


def default_run_folders(root: Path, name: str, seed: int, *, again: bool = False) -> Iterator[Path]:
    """Give `root`/<name>-seed<seed>, and with -2, -3, ... after it, those that are not taken; with `again` the first alone."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip(".-") or "run"
    stem = f"{plain}-seed{seed}"
    if again:
        yield root / stem
        return
    names = itertools.chain([stem], (f"{stem}-{count}" for count in itertools.count(2)))
    yield from (root / each for each in names if not _is_taken(root / each))


def free_folders(out: Path | None, name: str, seed: int, *, force: bool = False) -> Iterator[Path]:
    """Return where a new run may go, first choice first: `out`, or default folders of a data set's name below results/.

    Raises what `check_run_folder` does for the first.
    """
    paths = iter([out]) if out else default_run_folders(Path("results"), name, seed, again=force)
    first = next(paths)
    check_run_folder(first, force=force)
    return itertools.chain([first], paths)


def claim_folder(paths: Iterable[Path], config: str, *, force: bool = False) -> RunFolder:
    """Make the folder of a new run in the first of some places that no other process has taken meanwhile.

    Raises what `create_run_folder` does for the last of them, and ConfigError for one that cannot be written.
    """
    for path in paths:
        make_folder(path)
        try:
            return create_run_folder(path, config, force=force)
        except (ConfigError, RunError) as error:
            refusal = error
    raise refusal


def check_run_folder(path: Path, *, force: bool = False) -> None:
    """Raise ConfigError for a path that a new run may not write.

    That is a file, without `force` a folder that has files, and with it a folder where a file has the name of one of a run's
    but no run wrote it.
    """
    if not _is_taken(path):
        return
    if not path.is_dir():
        raise ConfigError(f"{path} is a file, and a run needs a folder: choose another with --out")
    if not force:
        raise ConfigError(f"{path} is not empty: continue its run with --resume, choose another --out, or add --force")
    if foreign := [] if is_run_folder(path) else [name for name in _MADE_BY_RUNS if (path / name).exists()]:
        raise ConfigError(f"{path} is not the folder of a run, so its {foreign[0]} is not replaced: choose another --out")


def create_run_folder(path: Path, config: str, *, force: bool = False) -> RunFolder:
    """Make the folder of a new run and write its configuration into it.

    A folder that has files is with `force` cleared of what a run wrote; other files are left alone. Raises what
    `check_run_folder` does, OSError where it cannot be written, and RunError while another process writes it.
    """
    check_run_folder(path, force=force)
    folder = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    with folder.held():
        # once more, for another process may have begun a run here meanwhile
        check_run_folder(path, force=force)
        for name in _MADE_BY_RUNS:
            (path / name).unlink(missing_ok=True)
        _remove_parts(path)
        folder.write_config(config)
    return folder


def open_run_folder(path: Path) -> RunFolder:
    """Return the folder of a run, cleared of what a kill left half written.

    Raises CheckpointError when it is none, and RunError while another process writes it.
    """
    folder = RunFolder(path)
    if not path.is_dir():
        raise CheckpointError(f"there is no run folder {path}: give the folder that propneat evolve has written")
    if not folder.config.is_file():
        raise CheckpointError(f"{path} has no {folder.config.name}, so it is not the folder of a run")
    with folder.held():
        _remove_parts(path)
    return folder


def _is_taken(path: Path) -> bool:
    if path.is_dir():
        return any(not entry.name.startswith(".") for entry in path.iterdir())
    return path.exists()


def is_run_folder(path: Path) -> bool:
    """Say whether a run wrote the settings of a folder."""
    try:
        with (path / "config.toml").open("rb") as file:
            return file.read(len(_MARK)) == _MARK.encode()
    except OSError:
        return False


def _remove_parts(path: Path) -> None:
    for name in _MADE_BY_RUNS:
        for part in path.glob(f".{name}.*.part"):
            part.unlink(missing_ok=True)
