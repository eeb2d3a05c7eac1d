"""What the speed benchmark found, as tables and as one picture. Reads its JSON document only."""

from propneat.report.speed.figure import draw_speed
from propneat.report.speed.tables import SpeedTable, speed_tables

__all__ = ["SpeedTable", "draw_speed", "speed_tables"]
