"""The control benchmark: propneat and others in the same environments, with as many steps there, judged alike.

A part of it is a method in an environment with a seed. Every part that is finished is kept as a file of its own.
"""

from propneat.benchmark.control.document import SCHEMA, collect
from propneat.benchmark.control.methods import METHODS, missing_package
from propneat.benchmark.control.parts import STEPS, Part, choose_parts
from propneat.benchmark.control.run import carry_out
from propneat.benchmark.control.store import PartStore

__all__ = ["METHODS", "SCHEMA", "STEPS", "Part", "PartStore", "carry_out", "choose_parts", "collect", "missing_package"]
