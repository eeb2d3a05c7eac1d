"""What results were made with: versions, commit, processor, threads."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from propneat import __version__

__all__ = ["describe_environment"]

_PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch", "pandas", "pmlb")


def describe_environment(executor: str, n_workers: int, n_threads: int) -> dict[str, Any]:
    """Return plain facts about this machine and installation; no names of hosts, users or folders."""
    return {
        "propneat": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "gpu": _graphics(),
        "executor": executor,
        "workers": n_workers,
        "threads_per_worker": n_threads,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit of the checkout propneat is imported from, marked where files differ from it; None elsewhere."""
    folder = Path(__file__).parent
    try:
        subprocess.run(
            ["git", "ls-files", "--error-unmatch", __file__], cwd=folder, capture_output=True, check=True, timeout=10
        )
        described = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(described, cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _graphics() -> str | None:
    """Return what the driver calls the first GPU, without loading torch for it."""
    try:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        told = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return told.splitlines()[0].strip() if told.strip() else None
