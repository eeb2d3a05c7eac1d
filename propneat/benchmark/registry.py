"""Methods by name: those of propneat, and yours by where they can be imported from."""

from collections.abc import Callable
from importlib import import_module

from propneat.base.errors import ConfigError
from propneat.base.extras import check_needs
from propneat.data.catalogue import find_suggestion
from propneat.methods import METHODS, Method

__all__ = ["core_methods", "find_method"]


def find_method(name: str) -> Method:
    """Return a method of METHODS, or a `Method` object of your own, named "package.module:attribute".

    Raises ConfigError for a name that is neither, and for a method whose package is not installed.
    """
    if name in METHODS:
        check_needs(METHODS[name].needs, f"the method {name}")
        return METHODS[name]
    if ":" in name:
        return _imported(name)
    close = find_suggestion(name, METHODS)
    hint = (
        f"did you mean {close!r}?"
        if close
        else f"the methods are {', '.join(METHODS)}, or your own as package.module:attribute"
    )
    raise ConfigError(f"there is no method {name!r}: {hint}")


def _imported(name: str) -> Method:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"the method {name!r} cannot be imported ({error}): write it as package.module:attribute") from error
    if not isinstance(found, Method):
        raise ConfigError(f"{name!r} is a {type(found).__name__}, and a propneat.methods.Method is needed")
    return found


def core_methods(say: Callable[[str], None]) -> list[str]:
    """Return the names of the methods that a benchmark runs unless told which; `say` is told of each that is left out.

    Left out is what needs a package that is not installed.
    """
    names = []
    for name, method in METHODS.items():
        if not method.is_core:
            continue
        try:
            check_needs(method.needs, f"the method {name}")
            names.append(name)
        except ConfigError as error:
            say(f"left out: {error}")
    return names
