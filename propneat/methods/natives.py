"""The native studies by name: every paper's method on the paper's own problem."""

from propneat.methods.contract import NativeStudy

__all__ = ["NATIVES"]

NATIVES: dict[str, NativeStudy] = {}
