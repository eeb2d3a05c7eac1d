"""Devices that torch can use on this machine."""

import torch

from propneat.errors import ConfigError

__all__ = ["usable_device"]


def usable_device(name: str) -> torch.device:
    """Return the device of a name such as "cpu" or "cuda"; raises ConfigError when torch cannot use it here."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(f"device must be one that torch can use here, not {name!r} ({reason}): choose 'cpu'") from error
    return device
