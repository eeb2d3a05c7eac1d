"""emlearn's trees and dense networks on AVR, for `c_export.py`: the same split, compiler, flags and emulator.

Their inputs are those of propneat's preprocessing, made on the host: scaling and encoding take no part in their figures.
"""

import re
import subprocess
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import emlearn
import numpy as np
import pandas
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from propneat.data import Preprocessor
from propneat.export import c_firmware as firmware
from propneat.export.c_targets import TARGETS

ROWS = 12
_SCALE = 1024
_AVR = TARGETS["avr"]
_MAIN = """#include "peer.h"
volatile {kind} given[{n}]; volatile float answered[2];
int main(void) {{ {call}; for (;;) {{ }} }}
"""
_TEST = """#include "peer.h"
#include <avr/pgmspace.h>
void clock_start(void); void clock_stop(void);
static const {kind} rows[{total}] PROGMEM = {{ {numbers} }};
int model_test(void) {{
    static {kind} given[{n}]; static float answered[2]; int row, k;
    for (row = 0; row < {rows}; row++) {{
        for (k = 0; k < {n}; k++) given[k] = {read}(&rows[row * {n} + k]);
        clock_start(); {call}; clock_stop();
    }}
    return 0;
}}
"""


def peer_rows(
    train: pandas.DataFrame, test: pandas.DataFrame, y_train: np.ndarray, y_test: np.ndarray
) -> list[dict[str, object]]:
    """Return a row of results for each kind of model; AUC is that of the trees' votes, which emlearn counts, or of the network."""
    encoding = Preprocessor.fit(train)
    X, X_test = encoding.transform(train), encoding.transform(test)
    whole, whole_test = (np.clip(np.rint(part * _SCALE), -32000, 32000).astype(np.int16) for part in (X, X_test))
    forests = {
        f"emlearn {n} trees of depth {depth}": RandomForestClassifier(n, max_depth=depth, random_state=0)
        for n, depth in ((10, 5), (3, 3))
    }
    rows = []
    # emlearn builds what it converts in a folder "tmp" of the working folder
    with TemporaryDirectory() as folder, chdir(folder):
        networks = {
            name: emlearn.convert(forest.fit(whole, y_train), method="inline", dtype="int16_t")
            for name, forest in forests.items()
        }
        dense = MLPClassifier((10,), max_iter=1000, random_state=0).fit(X, y_train)
        dense_network = emlearn.convert(dense)
    for name, forest in forests.items():
        votes = np.mean([tree.predict(whole_test) for tree in forest.estimators_], axis=0)
        rows.append(measured(name, networks[name], whole_test, roc_auc_score(y_test, votes), "int16_t"))
    area = roc_auc_score(y_test, dense.predict_proba(X_test)[:, 1])
    rows.append(measured("emlearn dense 10", dense_network, X_test.astype(np.float32), area, "float"))
    return rows


def measured(name: str, converted: object, X: np.ndarray, area: float, kind: str) -> dict[str, object]:
    n, call = X.shape[1], f"peer_predict_proba((const {kind} *)given, %d, (float *)answered, 2)" % X.shape[1]
    if kind == "float":
        call = f"eml_net_predict_proba(&peer, (const float *)given, {n}, (float *)answered, 2)"
    with TemporaryDirectory() as folder:
        place = Path(folder)
        converted.save(name="peer", file=str(place / "peer.h"))
        total = min(ROWS, len(X))
        read = "pgm_read_float" if kind == "float" else "(int16_t)pgm_read_word"
        numbers = ", ".join(map(str, X[:total].ravel().tolist()))
        (place / "size.c").write_text(_MAIN.format(kind=kind, n=n, call=call))
        (place / "none.c").write_text(
            _MAIN.format(kind=kind, n=n, call="answered[0] = given[0]").replace('#include "peer.h"', "#include <stdint.h>")
        )
        (place / "test.c").write_text(
            _TEST.format(kind=kind, n=n, call=call, rows=total, total=total * n, read=read, numbers=numbers)
        )
        (place / "run.c").write_text(firmware.AVR_MAIN.format(prefix="model"))
        with_it, without = (compiled(place, [f"{source}.c"]) for source in ("size", "none"))
        flash, ram = with_it[0] - without[0], with_it[1] - without[1]
        cycles = "" if compiled(place, ["test.c", "run.c"]) is None else ran(place)
    return {
        "method": name,
        "target": "avr",
        "flash": flash,
        "ram": ram,
        "cycles": cycles,
        "wrong": 0,
        "auc": f"{area:.5f}",
        "auc_float64": f"{area:.5f}",
    }


def compiled(place: Path, sources: list[str]) -> tuple[int, int] | None:
    """Return the bytes of flash and RAM of a program; None where it does not fit."""
    room = [] if "run.c" in sources else ["-Wl,--defsym=__TEXT_REGION_LENGTH__=0x80000,--defsym=__DATA_REGION_LENGTH__=0xF000"]
    command = [
        _AVR.compiler,
        "-std=gnu99",
        "-Os",
        *_AVR.flags,
        f"-I{emlearn.includedir}",
        *room,
        *sources,
        "-lm",
        "-o",
        "a.elf",
    ]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode and "overflow" not in done.stderr and "not within region" not in done.stderr:
        raise SystemExit(done.stderr[-2000:])
    if done.returncode:
        return None
    text, data, bss = map(
        int,
        subprocess.run([_AVR.size, "a.elf"], cwd=place, capture_output=True, text=True, check=True)
        .stdout.splitlines()[1]
        .split()[:3],
    )
    return text + data, data + bss


def ran(place: Path) -> int | str:
    done = subprocess.run([*_AVR.emulator, "a.elf"], cwd=place, capture_output=True, text=True, timeout=60, check=False)
    told = done.stdout + done.stderr
    numbers = re.search(r"(\d+) (\d+) (\d+) (\d+) ", told)
    return int(numbers[3]) if numbers else ""
