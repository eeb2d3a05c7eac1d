"""The rules of the rule-defined data sets: known counts, second formulations, and PMLB's own rows where they are at hand."""

import itertools
import math
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas
import pytest

from propneat.data import load_table, read_catalogue
from propneat.data.embedded import EMBEDDED
from propneat.data.files import parse_delimited
from propneat.data.pmlb_source import values_digest
from propneat.data.rules import RULES, rule_cases, rule_frame

PMLB = Path(os.environ.get("PROPNEAT_TEST_PMLB") or Path(__file__).parents[1] / ".." / "shared" / "pmlb")

needs_pmlb = pytest.mark.skipif(not PMLB.is_dir(), reason="PMLB's files are not here: set PROPNEAT_TEST_PMLB to their folder")

CASES_AND_POSITIVES = {
    "monk1": (432, 216),
    "monk2": (432, 142),
    "monk3": (432, 228),
    "mux6": (64, 32),
    "parity5": (32, 16),
    "parity5+5": (1024, 512),
    "xd6": (512, 8**3 - 7**3),
    "threeOf9": (512, 238),
    "mofn_3_7_10": (1024, 8 * (2**7 - 1 - 7 - 21)),
    "corral": (64, 4 * (16 - 9)),
    "tic_tac_toe": (958, 626),
}
"""Cases and positives: of the MONK's problems and noughts and crosses as published, of the others by counting on paper."""


@pytest.mark.parametrize("name", RULES)
def test_cases_and_positives(name):
    cases = rule_cases(name)
    labels = RULES[name].label(cases)
    assert (len(cases), int(labels.sum())) == CASES_AND_POSITIVES[name]
    assert cases.tolist() == sorted(map(list, set(map(tuple, cases.tolist()))))
    assert labels.dtype == bool


def bits(case: tuple[int, ...]) -> str:
    return "".join(map(str, case))


def wins_magic_square(case: tuple[int, ...]) -> bool:
    """Three numbers of a magic square that sum to 15 are a line."""
    numbers = [number for number, square in zip((2, 7, 6, 9, 5, 1, 4, 3, 8), case, strict=True) if square == 2]
    return any(sum(three) == 15 for three in itertools.combinations(numbers, 3))


OTHER_WORDS = {
    "monk1": lambda c: c[0] - c[1] == 0 or c[4] == 2,
    "monk2": lambda c: math.prod(c) > 0 and c.count(1) == 2,
    "monk3": lambda c: (c[4] == 1 and c[3] == 2) or not (c[4] == 0 or c[1] == 0),
    "mux6": lambda c: bits(c)[2:][int(bits(c)[:2], 2)] == "1",
    "parity5": lambda c: c[0] ^ c[1] ^ c[2] ^ c[3] ^ c[4],
    "parity5+5": lambda c: math.prod(1 - 2 * c[index] for index in (1, 2, 3, 5, 7)) == -1,
    "xd6": lambda c: "111" in (bits(c)[:3], bits(c)[3:6], bits(c)[6:]),
    "threeOf9": lambda c: "111" in bits(c),
    "mofn_3_7_10": lambda c: bits(c)[2:9].count("1") > 2,
    "corral": lambda c: max(min(c[0], c[1]), min(c[2], c[3])),
    "tic_tac_toe": wins_magic_square,
}


@pytest.mark.parametrize("name", RULES)
def test_a_second_formulation_gives_the_same_labels(name):
    cases = rule_cases(name)
    assert RULES[name].label(cases).tolist() == [bool(OTHER_WORDS[name](tuple(case))) for case in cases.tolist()]


def test_finished_boards_are_those_that_count_says():
    boards = rule_cases("tic_tac_toe")
    crosses, noughts = (boards == 2).sum(axis=1), (boards == 1).sum(axis=1)
    assert set((crosses - noughts).tolist()) == {0, 1}
    assert int((crosses + noughts == 9).sum()) == 62 + 16
    drawn = (crosses + noughts == 9) & ~RULES["tic_tac_toe"].label(boards)
    assert int(drawn.sum()) == 16


@pytest.mark.parametrize("name", RULES)
def test_embedded_rows_cover_every_case_and_the_catalogue_counts_them(name):
    frame, entry = rule_frame(name), read_catalogue()[name]
    assert (len(frame), len(frame.columns) - 1, frame["target"].nunique()) == (entry.rows, entry.features, entry.classes)
    assert set(map(tuple, frame.drop(columns="target").to_numpy().tolist())) == set(map(tuple, rule_cases(name).tolist()))
    against = frame["target"] != RULES[name].label(frame.drop(columns="target").to_numpy()).astype(int)
    assert int(against.sum()) == (6 if name == "monk3" else 0)


def rows_of(table) -> Counter:
    """Count the rows of a table, features to nine decimals."""
    values = np.column_stack([table.features.to_numpy(float).round(9), table.target.to_numpy(float)])
    return Counter(map(tuple, values.tolist()))


@needs_pmlb
@pytest.mark.parametrize("name", sorted(name for name in EMBEDDED if read_catalogue()[name].sha256 is not None))
def test_embedded_rows_are_those_of_pmlb(name):
    embedded, published = load_table(name), load_table(name, data_dir=PMLB)
    assert (embedded.source, published.source) == ("embedded in propneat", "PMLB")
    assert embedded.task == published.task
    assert (rows_of(embedded) == rows_of(published)) == read_catalogue()[name].exact
    if name in RULES:
        assert list(embedded.features) == list(published.features)
        wrong = RULES[name].label(published.features.to_numpy()) != published.target.to_numpy()
        assert int(wrong.sum()) == (6 if name == "monk3" else 0)
    elif name == "iris":
        assert sum((rows_of(embedded) - rows_of(published)).values()) == 2
    else:
        assert np.allclose(embedded.features, published.features, rtol=1e-12, atol=0)
        assert embedded.target.tolist() == published.target.tolist()


def test_breast_cancer_counts_and_direction():
    """212 malignant tumours, coded 1 and larger on average than the 357 benign ones (Street, Wolberg and Mangasarian 1993)."""
    table = load_table("breast_cancer_wisconsin")
    assert table.target.value_counts().to_dict() == {0: 357, 1: 212}
    assert table.features["mean radius"][table.target == 1].mean() > table.features["mean radius"][table.target == 0].mean()
    assert load_table("wdbc").features["mean smoothness"].map(lambda value: len(repr(value))).max() <= 5


@needs_pmlb
def test_every_file_of_the_catalogue_loads_and_is_as_described():
    found = [entry for entry in read_catalogue().values() if (PMLB / entry.name).is_dir()]
    assert len(found) > 50
    for entry in found:
        table = load_table(entry.name, data_dir=PMLB)
        described = (entry.rows, entry.features, entry.classes, entry.task)
        n_classes = 0 if table.task == "regression" else table.target.nunique()
        assert (len(table), len(table.plan.columns), n_classes, table.task) == described


@needs_pmlb
def test_the_values_digest_survives_the_pmlb_package_packing_a_file_anew():
    for entry in read_catalogue().values():
        path = PMLB / entry.name / f"{entry.name}.tsv.gz"
        if path.is_file() and entry.rows < 10_000:
            packed_anew = pandas.read_csv(path, sep="\t", compression="gzip").to_csv(sep="\t", index=False).encode()
            assert values_digest(parse_delimited(packed_anew, entry.name)) == entry.values_sha256
