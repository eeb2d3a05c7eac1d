"""The folder that a command writes."""

from pathlib import Path
from tempfile import TemporaryFile

from propneat.errors import ConfigError

__all__ = ["make_folder"]


def make_folder(folder: Path) -> None:
    """Make a folder unless it is there, and see that files can be written into it; raises ConfigError where they cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be written ({error.strerror}): give another --out") from error
