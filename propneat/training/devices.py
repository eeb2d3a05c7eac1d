"""Devices that torch can use on this machine."""

import torch

from propneat.errors import ConfigError

__all__ = ["usable_device"]

_LONGEST_REASON = 100


def usable_device(name: str) -> torch.device:
    """Return the device of a name such as "cpu" or "cuda"; raises ConfigError when torch cannot use it here."""
    try:
        device = torch.device(name)
        # reading the number back finds devices that hold none, such as torch's meta
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        # torch may list all devices and what its libraries are made of
        why = f" ({reason})" if len(reason) <= _LONGEST_REASON else ""
        raise ConfigError(f"device must be one that torch can use here, not {name!r}{why}: choose 'cpu'") from error
    return device
