"""Packages that propneat is installed without, and the extras that bring them."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from propneat.base.errors import ConfigError

__all__ = ["EXTRAS", "check_needs", "describe_need", "need"]

EXTRAS = {
    "distributed": "dask",
    "gymnasium": "control",
    "h5py": "recordings",
    "mlxtend": "native",
    "mrcfile": "cryo",
    "neat": "peers",
    "onnx": "onnx",
    "openpyxl": "excel",
    "skl2onnx": "onnx",
    "torch": "torch",
    "triton": "gpu",
}
"""Names that are imported, and the extra of each."""


def need(module: str, what: str, instead: str = "") -> ModuleType:
    """Import a package of an extra; raises ConfigError that says what needs it, how it is installed, and what to do without."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(describe_need(module, what, instead)) from error


def check_needs(modules: tuple[str, ...], what: str) -> None:
    """Raise ConfigError unless all packages are installed; none is imported."""
    for module in modules:
        if find_spec(module) is None:
            raise ConfigError(describe_need(module, what))


def describe_need(module: str, what: str = "this", instead: str = "") -> str:
    """Return the sentence for a package that is not there; `instead` is what can be done without it."""
    way = f", or {instead}" if instead else ""
    return f"{what} needs the package {module}, which is not installed: pip install 'propneat[{EXTRAS[module]}]'{way}"
