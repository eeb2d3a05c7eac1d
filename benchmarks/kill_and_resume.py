"""Kill `propneat evolve` with SIGKILL at random moments, resume it, and compare the results with those of an uninterrupted run.

    python benchmarks/kill_and_resume.py
    python benchmarks/kill_and_resume.py --kills 50 --seed 3

Half of the kills come at a random moment of the run, half while a file is being written. A run that was killed is resumed
to its end; its champion.json and history.csv must be, byte for byte, those of the run that nobody disturbed.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMPARED = ("champion.json", "history.csv")
RUN = ["evolve", "wine_recognition", "--generations", "25", "--population", "60", "--seed", "5", "--quiet"]


def start(arguments: list[str]) -> subprocess.Popen:
    """Start a propneat command whose output nobody reads."""
    return subprocess.Popen([sys.executable, "-m", "propneat", *arguments], stdout=subprocess.DEVNULL)


def finish(arguments: list[str]) -> None:
    """Run a propneat command to its end; stops the script when it fails."""
    if code := start(arguments).wait():
        raise SystemExit(f"propneat {' '.join(arguments)} left with exit code {code}")


def wait_for(process: subprocess.Popen, folder: Path, pattern: str, patience: float) -> bool:
    """Wait until a file appears in a folder; False when the process ends or `patience` seconds pass before that."""
    end = time.monotonic() + patience
    while time.monotonic() < end and process.poll() is None:
        if folder.is_dir() and next(folder.glob(pattern), None):
            return True
    return False


def kill_once(folder: Path, seconds: float, moment: float, during_write: bool) -> str:
    """Start a run, kill it `moment` (0 to 1) of its `seconds` after it has begun, and say where it was hit."""
    process = start([*RUN, "--out", str(folder)])
    wait_for(process, folder, "config.toml", 120.0)
    time.sleep(moment * seconds)
    if during_write:
        wait_for(process, folder, ".*.part", seconds)
    was_running = process.poll() is None
    process.kill()
    process.wait()
    parts = [part.name.split(".part")[0].lstrip(".").rsplit(".", 1)[0] for part in folder.glob(".*.part")]
    if parts:
        return f"while writing {parts[0]}"
    done = [name for name in ("checkpoint.npz", *COMPARED, "summary.json") if (folder / name).exists()]
    return ("with " if was_running else "too late, with ") + (", ".join(done) if done else "nothing") + " on disk"


def main() -> None:
    """Run the uninterrupted run, then the killed ones, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as root:
        whole = Path(root) / "whole"
        finish([*RUN, "--out", str(whole)])
        began, ended = (whole / "config.toml").stat().st_mtime, (whole / "summary.json").stat().st_mtime
        n_equal = 0
        for number in range(options.kills):
            folder = Path(root) / f"killed-{number}"
            where = kill_once(folder, ended - began, moments.random(), during_write=number % 2 == 1)
            finish(["evolve", "--resume", str(folder), "--quiet"])
            is_equal = all((folder / name).read_bytes() == (whole / name).read_bytes() for name in COMPARED)
            n_equal += is_equal
            print(f"kill {number + 1:3}  {where:70} {'same bytes' if is_equal else 'DIFFERENT'}", flush=True)
    print(f"{n_equal} of {options.kills} killed runs ended with the bytes of the uninterrupted one")
    sys.exit(n_equal < options.kills)


if __name__ == "__main__":
    main()
