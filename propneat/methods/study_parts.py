"""The finished parts of a native study, kept until all of it is done."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from propneat.base.kept_parts import part_file, read_part, write_part

__all__ = ["StudyParts"]

_KEYS = {"study", "part", "seconds", "found"}


class StudyParts:
    """A folder `parts` of a file for every finished part. Mutable: it adds up the seconds of parts that were finished before."""

    def __init__(self, folder: Path, study: Mapping[str, Any]) -> None:
        """Take what the study depends on, plain values: parts of another are done anew."""
        self.folder, self.study = folder / "parts", dict(study)
        self.seconds_before = 0.0
        self._files: list[Path] = []

    def found(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what a part comes to: read where it was finished before, else computed, and kept.

        Plain values as JSON gives them back, the same both times. Raises StoreError for a file that cannot be read.
        """
        path = part_file(self.folder, [name])
        row = read_part(path, _KEYS)
        if row is None or (row["study"], row["part"]) != (self.study, name):
            begin = time.perf_counter()
            found = json.loads(json.dumps(compute()))
            row = {"study": self.study, "part": name, "seconds": time.perf_counter() - begin, "found": found}
            write_part(path, row)
        else:
            self.seconds_before += row["seconds"]
        self._files.append(path)
        return row["found"]

    def clear(self) -> None:
        """Remove the parts of a study that is done: it begins anew when it is asked for again."""
        for path in self._files:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            # what is not of this study stays
            self.folder.rmdir()
