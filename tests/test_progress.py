"""The picture of a run's progress: a PNG for any history, the same bytes again, and no other matplotlib state touched."""

import io
import math
import struct
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from propneat.base.errors import DataError
from propneat.report.progress import draw_progress

KEYS = (
    "best_fitness",
    "mean_fitness",
    "n_species",
    "validation_loss",
    "validation_score",
    "n_connections",
    "n_hidden",
    "seconds",
)


def history(n_rows: int, **fixed: float) -> list[dict[str, float]]:
    rng = np.random.default_rng(n_rows)
    return [{"generation": g, **{key: float(rng.random()) for key in KEYS}, **fixed} for g in range(n_rows)]


def chunk_names(picture: bytes) -> list[bytes]:
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    names, at = [], 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        names.append(picture[at + 4 : at + 8])
        at += 12 + length
    return names


def ink(picture: bytes, panel: int) -> int:
    """Count the strongly coloured pixels of one of the six panels."""
    pixels = imread(io.BytesIO(picture))[..., :3]
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 3
    part = pixels[panel // 3 * height :][:height, panel % 3 * width :][:, :width]
    return int(np.count_nonzero(part.max(axis=2) - part.min(axis=2) > 0.3))


@pytest.mark.parametrize(
    "rows",
    [
        history(1),
        history(60),
        history(3, **dict.fromkeys(KEYS, 2.0)),
        history(3, best_fitness=1e300, mean_fitness=-math.inf, validation_loss=None, seconds=1e6),
        [{"generation": 7}],
    ],
    ids=["one row", "many rows", "constant", "extreme", "no keys"],
)
def test_any_history_gives_a_picture_without_metadata(rows):
    dots, lines = draw_progress(rows, score_name="R$^2$ < & $")
    names = chunk_names(dots)
    assert b"<svg" in lines and b"<dc:date>" not in lines
    assert names[0] == b"IHDR" and names[-1] == b"IEND"
    assert not {b"tEXt", b"iTXt", b"zTXt", b"tIME"} & set(names)


def test_the_same_history_gives_the_same_bytes():
    assert draw_progress(history(4)) == draw_progress(history(4)) != draw_progress(history(4, seconds=1.0))


def test_what_is_missing_leaves_a_gap_in_its_own_panel_only():
    full, without = draw_progress(history(9)), draw_progress(history(9, validation_score=math.nan))
    assert ink(full[0], 1) > 300 and ink(without[0], 1) == 0
    assert ink(without[0], 2) > 300 and ink(without[0], 4) > 300


def test_a_single_value_between_gaps_shows_in_a_long_history_too():
    rows = history(100, validation_loss=math.nan)
    rows[50]["validation_loss"] = 0.5
    assert ink(draw_progress(rows)[0], 2) > 5


def test_an_empty_history_is_refused():
    with pytest.raises(DataError, match="no generation"):
        draw_progress([])


def test_settings_stay_and_pyplot_is_not_loaded():
    before = dict(matplotlib.rcParams)
    draw_progress(history(2))
    assert dict(matplotlib.rcParams) == before
    code = (
        "import sys, propneat.report.progress as p; assert 'matplotlib' not in sys.modules; "
        "p.draw_progress([{'generation': 0}]); assert 'matplotlib.pyplot' not in sys.modules; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
