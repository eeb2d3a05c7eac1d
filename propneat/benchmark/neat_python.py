"""neat-python's settings, for every benchmark that it stands in: one file, and what a benchmark changes of it."""

import configparser
import tempfile
from pathlib import Path
from typing import Any

from propneat.base.extras import need

__all__ = ["neat_python_config"]

_CONFIGURATION = Path(__file__).with_suffix(".ini")


def neat_python_config(n_inputs: int, n_outputs: int = 1, **changes: Any) -> Any:
    """Return a `neat.Config` of the settings in `neat_python.ini`, some of them changed, for so many inputs and outputs.

    `activation` is the one that all nodes have. Raises ConfigError where neat-python is not installed, and KeyError for a
    setting that the file does not have.
    """
    neat = need("neat", "neat-python")
    settings = configparser.ConfigParser()
    settings.read_string(_CONFIGURATION.read_text(encoding="utf-8"))
    changes |= {"num_inputs": n_inputs, "num_outputs": n_outputs}
    if activation := changes.pop("activation", None):
        changes |= {"activation_default": activation, "activation_options": activation}
    for name, value in changes.items():
        section = next((section for section in settings.sections() if name in settings[section]), None)
        if section is None:
            raise KeyError(f"{_CONFIGURATION.name} has no setting {name!r}")
        settings[section][name] = str(value)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _CONFIGURATION.name
        with path.open("w", encoding="utf-8") as file:
            settings.write(file)
        kinds = neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation
        return neat.Config(*kinds, str(path))
