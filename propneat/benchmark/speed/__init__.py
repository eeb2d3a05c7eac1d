"""How fast propneat is: engines, whole generations beside other packages, genetics, large data, depth and start-up."""

from propneat.benchmark.speed.run import PARTS, SCHEMA, choose_parts, run_speed
from propneat.benchmark.speed.size import FULL, QUICK, Shape, SpeedSize

__all__ = ["FULL", "PARTS", "QUICK", "SCHEMA", "Shape", "SpeedSize", "choose_parts", "run_speed"]
