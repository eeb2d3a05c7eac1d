"""Write propneat's catalogue, in both its places, and the row counts of its rule-defined data sets from a folder of PMLB's files.

Usage: python -m propneat.data.build_catalogue PMLB_FOLDER

PMLB_FOLDER holds NAME/NAME.tsv.gz as PMLB publishes them; MANIFEST.tsv lists data sets of classes, with the columns name,
sha256 and in_paper_list (whether the authors of PropNEAT list the data set for their experiments) among others, and
MANIFEST_REGRESSION.tsv lists regressions, with the columns name and sha256 among others.
"""

import csv
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas

from propneat.base.records import sha256_hex, write_atomic
from propneat.data.catalogue import CATALOGUE_SCHEMA, CatalogueEntry
from propneat.data.embedded import EMBEDDED
from propneat.data.files import parse_delimited, unpack_gzip
from propneat.data.pmlb_source import values_digest
from propneat.data.rules import RULES, rule_cases
from propneat.data.targets import infer_task

PACKAGE = Path(__file__).parent

FAMILIES = (
    ("australian", "buggyCrx", "credit_a", "crx"),
    ("breast_cancer_wisconsin", "wdbc"),
    ("credit_g", "german"),
    ("cleve", "heart_c"),
    ("heart_h", "hungarian"),
    ("house_votes_84", "vote"),
    ("chess", "kr_vs_kp"),
    ("breast", "breast_w"),
    ("agaricus_lepiota", "mushroom"),
    ("197_cpu_act", "227_cpu_small", "573_cpu_act"),
    ("218_house_8L", "574_house_16H"),
)
"""Data sets that are copies of one another, or nearly; a family is called by its first member."""

_ORDER = "The embedded rows are PMLB's in ascending order"
NOTES = {
    "breast_cancer_wisconsin": "Embedded from scikit-learn: same rows and order, target 1 is malignant, columns by name.",
    "wdbc": "Embedded from scikit-learn, rounded to three decimals like PMLB's: same rows and order, other column names.",
    "wine_recognition": "Embedded from scikit-learn: same rows and order, columns by name instead of number.",
    "iris": "Embedded from scikit-learn, which corrects three cells of two rows after Fisher: other order and column names.",
    "digits": "Not of PMLB: embedded from scikit-learn, 8 by 8 pixels of handwritten digits.",
    "diabetes_progression": "Not of PMLB: scikit-learn's diabetes data embedded, a regression on ten scaled measurements.",
    "friedman1": "Not of PMLB: 500 rows of Friedman's first function, which uses five of the ten columns, from scikit-learn.",
    "friedman2": "Not of PMLB: 500 rows of Friedman's second function, from scikit-learn.",
    "friedman3": "Not of PMLB: 500 rows of Friedman's third function, from scikit-learn.",
    "monk1": f"{_ORDER}: 432 cases and the 124 training rows again.",
    "monk2": f"{_ORDER}: 432 cases and the 169 training rows again.",
    "monk3": f"{_ORDER}: 432 cases and the 122 training rows again, six of them labelled against the rule.",
    "mux6": f"{_ORDER}: every case twice.",
    "parity5": f"{_ORDER}: every case once.",
    "parity5+5": f"{_ORDER}: every case, and 100 of them again; the parity is of bits 2, 3, 4, 6 and 8.",
    "xd6": f"{_ORDER}: every case, and 461 of them again.",
    "threeOf9": f"{_ORDER}: every case once; the class is three ones in a row.",
    "mofn_3_7_10": f"{_ORDER}: every case, and 300 of them again.",
    "corral": f"{_ORDER}: 32 cases five times, with an input that agrees with the class in three rows of four.",
    "tic_tac_toe": f"{_ORDER}: every finished board once.",
    "573_cpu_act": "A copy of 197_cpu_act.",
    "227_cpu_small": "The rows of 197_cpu_act with 12 of its 21 features.",
    "574_house_16H": "The rows and the target of 218_house_8L with other features.",
}
INEXACT = {"iris"}


def read_frame(folder: Path, name: str) -> tuple[bytes, pandas.DataFrame]:
    """Return the bytes of a PMLB file and its rows."""
    data = (folder / name / f"{name}.tsv.gz").read_bytes()
    return data, parse_delimited(unpack_gzip(data, name), name)


def count_rows(frame, name: str) -> dict[str, object]:
    """Say how often PMLB's file holds each case of a rule, and which cases it holds once with the wrong label."""
    rule, cases = RULES[name], rule_cases(name)
    rows = Counter(map(tuple, frame[[*rule.columns, "target"]].to_numpy().tolist()))
    labels = rule.label(cases).astype(np.int64)
    labelled = zip(cases.tolist(), labels.tolist(), strict=True)
    held = [[rows[(*case, label ^ wrong)] for wrong in (0, 1)] for case, label in labelled]
    if sum(map(sum, held)) != len(frame) or max(wrong for _, wrong in held) > 1:
        raise SystemExit(f"{name}: the file holds rows that are not cases of the rule")
    mislabelled = [index for index, (_, wrong) in enumerate(held) if wrong]
    return {"counts": "".join(str(sum(pair)) for pair in held)} | ({"mislabelled": mislabelled} if mislabelled else {})


def describe(frame, name: str, task: str, **known: object) -> CatalogueEntry:
    """Return the catalogue entry of a data set."""
    family = next((members[0] for members in FAMILIES if name in members), name)
    return CatalogueEntry(
        name=name,
        rows=len(frame),
        features=len(frame.columns) - 1,
        classes=0 if task == "regression" else int(frame["target"].nunique()),
        task=task,
        family=family,
        embedded=name in EMBEDDED,
        exact=name in EMBEDDED and name not in INEXACT,
        note=NOTES.get(name, "") or (f"A copy, or nearly, of {family}." if family != name else ""),
        **known,
    )


def read_manifest(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the lines of a manifest."""
    return list(csv.DictReader((folder / name).read_text("utf-8").splitlines(), delimiter="\t"))


def read_checked(folder: Path, line: dict[str, str]) -> tuple[pandas.DataFrame, dict[str, str]]:
    """Return the rows of a data set of a manifest and its checksums."""
    data, frame = read_frame(folder, line["name"])
    if sha256_hex(data) != line["sha256"]:
        raise SystemExit(f"{line['name']}: the file is not the one of the manifest")
    return frame, {"sha256": line["sha256"], "values_sha256": values_digest(frame)}


def main(folder: Path) -> None:
    """Write both files."""
    entries, rows = [], {}
    for line in read_manifest(folder, "MANIFEST.tsv"):
        name, in_paper_list = line["name"], line["in_paper_list"] == "yes"
        frame, checksums = read_checked(folder, line)
        entries.append(describe(frame, name, infer_task(frame["target"]), in_paper_list=in_paper_list, **checksums))
        if name in RULES and set((found := count_rows(frame, name))["counts"]) != {"1"}:
            rows[name] = found
    for line in read_manifest(folder, "MANIFEST_REGRESSION.tsv"):
        frame, checksums = read_checked(folder, line)
        entries.append(describe(frame, line["name"], "regression", in_paper_list=False, **checksums))
    for name in sorted(set(EMBEDDED) - {entry.name for entry in entries}):
        frame, none = EMBEDDED[name](), {"sha256": None, "values_sha256": None}
        entries.append(describe(frame, name, infer_task(frame["target"]), in_paper_list=False, **none))
    lines = ",\n".join(f"    {json.dumps(asdict(entry))}" for entry in sorted(entries, key=lambda entry: entry.name.lower()))
    text = f'{{\n  "schema": "{CATALOGUE_SCHEMA}",\n  "data_sets": [\n{lines}\n  ]\n}}\n'
    write_atomic(PACKAGE / "catalogue.json", text)
    write_atomic(PACKAGE.parents[1] / "datasets" / "catalogue.json", text)
    write_atomic(PACKAGE / "rule_rows.json", json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
