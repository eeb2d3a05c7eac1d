"""Whether torch can work on a device, told before a study begins."""

from propneat.base.errors import ConfigError

__all__ = ["check_device"]


def check_device(device: str, dtype: str = "float32") -> None:
    """Raise ConfigError for a device that torch does not know, does not find, or that cannot hold numbers of a type."""
    import torch

    from propneat.training.devices import find_fault

    if (reason := find_fault(device, getattr(torch, dtype))) is not None:
        raise ConfigError(f"device must be one that torch can use for {dtype}, such as cpu, not {device}: {reason}")
