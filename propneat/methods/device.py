"""Whether torch can work on a device, told before a study begins."""

from propneat.errors import ConfigError

__all__ = ["check_device"]


def check_device(device: str, dtype: str = "float32") -> None:
    """Raise ConfigError for a device that torch does not know, does not find, or that cannot hold numbers of a type."""
    import torch

    try:
        # reading the number back finds devices that hold none, such as torch's meta
        torch.zeros(1, dtype=getattr(torch, dtype), device=device).item()
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device must be one that torch can use for {dtype}, such as cpu, not {device}: {reason}") from error
