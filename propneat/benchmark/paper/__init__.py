"""What the paper of PropNEAT claims, on this program: numbers that return to their genes, time by depth, sizes, ranks.

Merry, Riddle and Warren 2025 (arXiv 2411.03726). `propneat benchmark native propneat` runs it.
"""

__all__: list[str] = []
