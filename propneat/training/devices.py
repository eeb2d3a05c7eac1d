"""Devices that torch can use on this machine."""

import torch

from propneat.base.errors import ConfigError

__all__ = ["find_fault", "usable_device"]

_LONGEST_REASON = 100


def find_fault(name: str, dtype: torch.dtype = torch.float32) -> str | None:
    """Return why torch cannot work with numbers of a type on a device here, in torch's own words; None when it can."""
    try:
        # reading the number back finds devices that hold none, such as torch's meta
        torch.zeros(1, dtype=dtype, device=name).item()
    except (RuntimeError, AssertionError, TypeError) as error:
        return str(error).splitlines()[0]
    return None


def usable_device(name: str) -> torch.device:
    """Return the device of a name such as "cpu" or "cuda"; raises ConfigError when torch cannot use it here."""
    if (reason := find_fault(name)) is not None:
        # torch may list all devices and what its libraries are made of
        why = f" ({reason.rstrip('.')})" if len(reason) <= _LONGEST_REASON else ""
        raise ConfigError(f"device must be one that torch can use here, not {name!r}{why}: choose 'cpu'")
    return torch.device(name)
