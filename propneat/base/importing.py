"""Objects that people name as `package.module:NAME`."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from propneat.base.errors import ConfigError

__all__ = ["import_named"]


def import_named(name: str, what: str) -> Any:
    """Return what `package.module:NAME` is; modules of the current folder are found too.

    Raises ConfigError, which calls it `what`, for a module that cannot be imported and a name that it does not have.
    """
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{what} {name!r} cannot be imported: {error}") from error
    finally:
        sys.path.pop(0)
