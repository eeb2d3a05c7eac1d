"""Laws of the pass over long delimited text: it reads what the general way reads, to the bit, plans and errors among it."""

import csv
import io
import os
import random

import numpy as np
import pandas
import pytest

from propneat.base.errors import DataError
from propneat.data import Preprocessor, ReadingOptions, delimited_sweep, encode_target, files, load_table
from propneat.data.cells import MISSING_TEXTS
from propneat.data.column_planning import plan_column
from propneat.data.encounter import describe_encounter
from propneat.data.number_columns import cast_formed
from propneat.data.numbers import NumberForm, parse_number
from propneat.data.source_column import SourceColumn
from propneat.data.swept_columns import sweep_columns
from propneat.settings.reading import DelimitedForm

N = 260
WORDS = ("lorem", "ipsum", "dolor", "sit", "amet", "magna", "aliqua")


def pick(*texts: str):
    return lambda rng: rng.choice(texts)


def with_some(make, *texts: str, share: float = 0.1):
    return lambda rng: rng.choice(texts) if rng.random() < share else make(rng)


def whole(rng: random.Random) -> str:
    return str(rng.randint(-900, 9000))


def decimal(rng: random.Random) -> str:
    return f"{rng.gauss(0, 100):.{rng.randint(1, 6)}f}"


KINDS = {
    "whole": whole,
    "decimal": decimal,
    "all digits": lambda rng: repr(rng.gauss(0, 1)),
    "exponent": lambda rng: f"{rng.gauss(0, 1):.{rng.randint(0, 18)}e}",
    "any float": lambda rng: f"{rng.getrandbits(rng.randint(1, 63))}E{rng.randint(-320, 280)}",
    "subnormal": with_some(decimal, "1e-310", "4.9e-324", "2.2250738585072011e-308"),
    "halfway": lambda rng: str((rng.getrandbits(52) | 1 << 52) * 2 + 1),
    "beyond 2**53": lambda rng: str(rng.randint(2**53, 2**66)),
    "very long": with_some(decimal, "0." + "3" * 400, "1" * 300, "0" * 40 + "7", "1." + "0" * 60),
    "too large": with_some(decimal, "1e400", share=0.02),
    "codes": lambda rng: f"{rng.randint(0, 40):03d}",
    "codes that show late": with_some(whole, "007", share=0.01),
    "codes with letters": pick("01", "02", "1A", "03"),
    "many zeros in front": lambda rng: f"{rng.randint(0, 10**6):07d}",
    "signs": lambda rng: f"{rng.choice('+-')}{rng.random():.3f}",
    "blanks": lambda rng: f"{rng.choice(['', ' ', '  '])}{decimal(rng)}{rng.choice(['', ' ', '   '])}",
    "no-break blanks": lambda rng: (
        f"{chr(rng.choice([0x20, 0xA0, 0x3000]))}{rng.choice(WORDS)}{chr(rng.choice([0x20, 0x2009]))}"
    ),
    "no-break numbers": lambda rng: f"{chr(0xA0)}{decimal(rng)}",
    "gaps": with_some(decimal, ""),
    "markers": with_some(decimal, "NA", "", "?", "null", "nan", "#N/A"),
    "other markers": with_some(decimal, "n.a.", share=0.05),
    "only gaps": pick("", "NA"),
    "not a number": with_some(decimal, "NaN", "NAN", "-nan"),
    "infinite": with_some(decimal, "inf", "-Infinity", share=0.02),
    "zeros": pick("0", "-0", "0.0", "-0.0", "00", "0e5"),
    "bare points": pick(".5", "5.", "-.25", "7", "-8.", ".5e1"),
    "points alone": with_some(decimal, ".", "-", "-.", "e5", ".e5", share=0.02),
    "underscores": with_some(whole, "1_000", share=0.03),
    "hexadecimal": with_some(whole, "0x1F", share=0.03),
    "other digits": lambda rng: "".join(chr(0x660 + int(digit)) for digit in str(rng.randint(0, 999))),
    "thousands": lambda rng: f"{rng.uniform(0, 1e7):,.2f}",
    "decimal comma": lambda rng: f"{rng.uniform(0, 1e4):.2f}".replace(".", ","),
    "ambiguous": pick("999", "1.234", "12.500", "103.750"),
    "hardly ambiguous": with_some(pick("999", "1.234", "12.500"), "0.5", share=0.01),
    "dollars": lambda rng: f"${rng.uniform(0, 1e5):,.2f}",
    "euros": lambda rng: f"€ {rng.uniform(0, 1e5):.0f}",
    "percent": lambda rng: f"{rng.uniform(0, 100):.1f}%",
    "units": lambda rng: f"{rng.uniform(0, 100):.2f} kmpl",
    "ranges": with_some(whole, "2100 - 2850", share=0.05),
    "iso dates": lambda rng: f"20{rng.randint(10, 29)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
    "dates": lambda rng: f"{rng.randint(1, 31):02d}/{rng.randint(1, 12):02d}/20{rng.randint(10, 29)}",
    "times": lambda rng: f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
    "truth": pick("TRUE", "FALSE", "true"),
    "words": pick(*WORDS),
    "letters of others": pick("größe", "寸法", "μ", "Ёлка", "ça"),
    "many words": lambda rng: " ".join(rng.choices(WORDS, k=3)),
    "sentences": lambda rng: " ".join(rng.choices(WORDS, k=7)) + f" {rng.random()}",
    "names of rows": lambda rng: f"{rng.randint(0, 10**9):x}-id",
    "lone negative": with_some(lambda rng: f"{rng.uniform(0, 50):.2f}", "-200"),
    "with commas": pick("a, b", "c,d", "e"),
    "with quotes": pick('say "yes"', "no"),
}


def written(columns: dict[str, list[str]], rng: random.Random) -> bytes:
    """A text with the columns, in one of the ways in which people write one."""
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=rng.choice(",;\t|"),
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        lineterminator=rng.choice(["\n", "\r\n"]),
    )
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    text = out.getvalue()
    return (text if rng.random() < 0.7 else text.rstrip("\r\n")).encode()


def what_is_read(path, options: ReadingOptions) -> object:
    """Everything that reading a file gives, down to the bytes of its inputs, or the error."""
    try:
        table = load_table(path, options=options)
    except DataError as error:
        return str(error)
    targets = encode_target(table.target, table.task)[1].astype(np.float64)[:, None]
    preprocessor, inputs = Preprocessor.fit_transform(table.features, plan=table.plan, targets=targets)
    return {
        "plan": table.plan,
        "target": (table.target_plan, table.task, table.target.dtype, table.target.tolist()),
        "notes": table.notes,
        "reports": [vars(report) | {"distinct": report.n_distinct} for report in table.reports],
        "types": table.features.dtypes.astype(str).to_dict(),
        "features": pandas.util.hash_pandas_object(table.features).to_numpy().tobytes(),
        "rules": preprocessor.to_dict(),
        "inputs": inputs.tobytes(),
    }


def both_ways(data: bytes, tmp_path, monkeypatch, options: ReadingOptions = ReadingOptions()) -> tuple[object, object, bool]:
    """What the pass and the general way read, and whether the pass could read it."""
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    monkeypatch.setattr(files, "_LEAST_SWEPT", 0)
    monkeypatch.setattr(files, "_LEAST_MAPPED", 0)
    # what a column is may show late, and texts may be too many to be numbered
    monkeypatch.setattr(delimited_sweep, "_HEAD_BYTES", 200)
    monkeypatch.setattr(delimited_sweep, "_MOST_CODED", 32)
    try:
        is_swept = sweep_columns(data, "table", DelimitedForm(), options.missing) is not None
    except DataError:
        is_swept = False
    found = what_is_read(path, options)
    monkeypatch.setattr(files, "_LEAST_SWEPT", 2**60)
    return found, what_is_read(path, options), is_swept


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_any_kind_is_read_alike(kind, tmp_path, monkeypatch):
    rng = random.Random(kind)
    columns = {"x": [decimal(rng) for _ in range(N)], "a": [KINDS[kind](rng) for _ in range(N)]}
    columns["target"] = [rng.choice("01") for _ in range(N)]
    found, expected, is_swept = both_ways(written(columns, random.Random(3)), tmp_path, monkeypatch)
    assert found == expected
    assert is_swept or kind == "with quotes"


def test_tables_of_many_kinds_are_read_alike(tmp_path, monkeypatch):
    n_swept = 0
    for trial in range(40):
        rng = random.Random(trial)
        columns = {}
        for number, kind in enumerate(rng.choices(list(KINDS), k=rng.randint(1, 4))):
            cells = [KINDS[kind](rng) for _ in range(N)]
            if rng.random() < 0.3:
                # what a column is shows late
                other = KINDS[rng.choice(list(KINDS))]
                cells[N - 5 :] = [other(rng) for _ in range(5)]
            columns[f"{kind} {number}"] = cells
        columns["target"] = [KINDS[rng.choice(["whole", "truth"])](random.Random(row * 7 + trial)) for row in range(N)]
        options = rng.choice(
            [
                ReadingOptions(),
                ReadingOptions(missing=(*MISSING_TEXTS, "-200", "999")),
                ReadingOptions(categories=(next(iter(columns)),)),
                ReadingOptions(decimal=","),
                ReadingOptions(thousands="."),
            ]
        )
        found, expected, is_swept = both_ways(written(columns, rng), tmp_path, monkeypatch, options)
        assert found == expected, trial
        n_swept += is_swept
    assert n_swept >= 25


@pytest.mark.parametrize(
    "text",
    [
        "a,target\n1,0\n2\n" * 6,
        "a,target\n1,0\n\n2,1\n" + "3,1\n" * 9,
        "a,target\n1,0\n,\n2,1\n" + "3,1\n" * 9,
        "a,target,\n" + "1,0,\n2,1,\n" * 6,
        ",a,target\n" + "".join(f"{row},{row % 7},{row % 2}\n" for row in range(20)),
        'a,target\n1,0\n "2",1\n' + "3,1\n" * 9,
        'a,target\n1,0\n"2,1\n' + "3,1\n" * 9,
        'a,target\n"two\nlines",0\nb,1\n' + "c,1\nb,0\n" * 9,
        'a,target\n"x""y",0\nb,1\n' + "c,1\nb,0\n" * 9,
        "a,target\r1,0\r2,1\r" * 6,
        "a,a,target\n" + "1,2,0\n2,3,1\n" * 6,
        "5,7,1\n" + "1,2,0\n2,3,1\n" * 6,
        "a,target\n",
        "a,target",
        "a,target\n1,0\n",
        "target\n" + "1\n2\n" * 6,
        "a b target\n" + "1 2 0\n2 3 1\n" * 6,
        "sep=;\na;target\n" + "1;0\n2;1\n" * 6,
        "a,target\n" + "\u00a0,0\n\u00a0,1\n" * 6,
        "a,target\n" + "\u00a0,\u00a0\n" + "x,1\ny,0\n" * 6,
        "a,target\n" + "x,1\ny,0\n" * 6 + "\x00,1\n",
    ],
)
def test_text_that_is_not_plain_is_read_or_refused_alike(text, tmp_path, monkeypatch):
    found, expected, _ = both_ways(text.encode(), tmp_path, monkeypatch)
    assert found == expected


def test_a_file_that_becomes_shorter_while_it_is_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_LEAST_SWEPT", 0)
    path = tmp_path / "table.csv"
    for least_mapped in (0, 2**60):
        path.write_text("a,target\n" + "x,1\ny,0\n" * 5000)
        monkeypatch.setattr(files, "_LEAST_MAPPED", least_mapped)
        columns = files.read_columns(path, DelimitedForm(), MISSING_TEXTS)[0]
        os.truncate(path, 10)
        if least_mapped:
            assert columns["a"].texts.to_pylist() == ["x", "y"] * 5000
            continue
        for read in ("texts", "few_cells"):
            with pytest.raises(DataError, match="another program made the file shorter"):
                getattr(columns["a"], read)


def test_numbers_are_those_of_python():
    rng = random.Random(1)
    texts = [f"{rng.choice(['', '-'])}{rng.getrandbits(rng.randint(1, 64))}e{rng.randint(-330, 310)}" for _ in range(20_000)]
    texts += [repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300)) for _ in range(20_000)]
    halves = [(rng.getrandbits(52) | 1 << 52) * 2 + 1 for _ in range(20_000)]
    texts += [f"{half * 5 ** (power := rng.randint(0, 4))}e-{power}" for half in halves]
    texts += [f"{2**power - 1}e{shift}" for power in range(50, 64) for shift in range(-40, 40)]
    texts = [text for text in texts if 1e-307 < abs(float(text)) < 1e308 and len(text.partition("e")[0].lstrip("-")) < 20]
    data = "".join(f"{text},1\n" for text in ["a", *texts]).encode()
    column = sweep_columns(data, "t", DelimitedForm(header=True), MISSING_TEXTS)[0]["a"]
    assert column.numbers.tobytes() == np.array(list(map(float, texts))).tobytes()


def test_many_texts_are_kept_in_their_order():
    rng = random.Random(2)
    texts = [f"t{rng.randint(0, 90_000)}" for _ in range(60_000)]
    data = "".join(f"{text},{row}\n" for row, text in enumerate(["a", *texts])).encode()
    column = sweep_columns(data, "t", DelimitedForm(header=True), MISSING_TEXTS)[0]["a"]
    assert column.few_cells is None
    assert column.texts.to_pylist() == texts
    few = "".join(f"t{row % 50},{row}\n" for row in range(30_000)).encode()
    column = sweep_columns(few, "t", DelimitedForm(header=False), MISSING_TEXTS)[0]["column 1"]
    assert column.few_cells.values == [f"t{row}" for row in range(50)]
    assert column.few_cells.codes.tolist() == [row % 50 for row in range(30_000)]
    assert column.texts.to_pylist() == [f"t{row % 50}" for row in range(30_000)]


@pytest.mark.parametrize(
    "form",
    [
        NumberForm(),
        NumberForm(prefix="$"),
        NumberForm(thousands=",", prefix="€"),
        NumberForm(",", "."),
        NumberForm(",", "\u202f", suffix="%"),
        NumberForm(thousands="'", suffix="CHF"),
    ],
)
def test_long_columns_of_formed_numbers_are_read_as_cell_by_cell(form):
    import pyarrow

    rng = random.Random(str(form))
    parts = [*"0123456789" * 3, *"+-., '", form.decimal, form.thousands, form.prefix, form.suffix, "e", "\u202f"]

    def text() -> str:
        if rng.random() < 0.3:
            return "".join(rng.choices(parts, k=rng.randint(0, 9)))
        number = f"{abs(rng.gauss(0, 10 ** rng.randint(0, 7))):,.{rng.randint(0, 4)}f}"
        number = number.replace(",", "T").replace(".", form.decimal).replace("T", form.thousands)
        return f"{rng.choice(['', '-', '+'])}{form.prefix}{rng.choice(['', ' '])}{number}{rng.choice(['', ' '])}{form.suffix}"

    texts = [text().strip() for _ in range(20_000)]
    numbers, read = cast_formed(pyarrow.array(texts, pyarrow.string()), form)
    expected = np.array([parse_number(text, form) for text in texts])
    assert numbers[read].tobytes() == expected[read].tobytes()
    assert read.mean() > 0.5
    assert not cast_formed(pyarrow.array(texts[:100], pyarrow.string()), form)[1].any()


def test_a_swept_column_is_planned_without_its_texts():
    data = ("a,b\n" + "1.25,7\n2.5,8\n" * 50).encode()
    columns = sweep_columns(data, "t", DelimitedForm(), MISSING_TEXTS)[0]
    source = SourceColumn(columns["a"], "a", MISSING_TEXTS)
    assert plan_column(source).plan.kind == "number"
    assert "texts" not in vars(columns["a"])


def test_wide_tables_are_read_alike(tmp_path, monkeypatch):
    rng = random.Random(5)
    columns = {f"a{number}": [rng.choice(WORDS) + str(rng.randint(0, 9)) for _ in range(40)] for number in range(120)}
    columns |= {f"b{number}": [decimal(rng) for _ in range(40)] for number in range(120)}
    columns["target"] = [rng.choice("01") for _ in range(40)]
    found, expected, is_swept = both_ways(written(columns, random.Random(3)), tmp_path, monkeypatch)
    assert is_swept
    assert found == expected


def test_files_to_predict_from_are_read_alike(tmp_path, monkeypatch):
    n_compared, n_numbers, n_categories = 0, 0, 0
    for trial in range(60):
        rng = random.Random(1000 + trial)
        kinds = {f"{kind} {number}": kind for number, kind in enumerate(rng.choices(list(KINDS), k=rng.randint(1, 4)))}
        columns = {name: [KINDS[kind](rng) for _ in range(N)] for name, kind in kinds.items()}
        path, target = tmp_path / "table.csv", [rng.choice("01") for _ in range(N)]
        path.write_bytes(written(columns | {"target": target}, rng))
        monkeypatch.setattr(files, "_LEAST_SWEPT", 2**60)
        try:
            table = load_table(path)
        except DataError:
            continue
        fitted = Preprocessor.fit(table.features, plan=table.plan)
        for name, kind in kinds.items():
            columns[name] = [KINDS[kind](rng) for _ in range(N)]
            if rng.random() < 0.3:
                columns[name][N - 5 :] = [KINDS[rng.choice(list(KINDS))](rng) for _ in range(5)]
        path.write_bytes(written(columns | {"target": target}, rng))

        def answers():
            try:
                frame = files.read_planned(path, DelimitedForm(header=True), table.plan, ("target",)).frame  # noqa: B023
                inputs = fitted.transform(frame).tobytes()  # noqa: B023
                return frame, (inputs, describe_encounter(fitted, frame, fitted.features), frame["target"].tolist())  # noqa: B023
            except DataError as error:
                return None, str(error)

        slow = answers()[1]
        monkeypatch.setattr(files, "_LEAST_SWEPT", 0)
        frame, fast = answers()
        assert slow == fast, trial
        n_compared += 1
        if frame is not None:
            n_numbers += sum(frame.dtypes == "float64")
            n_categories += sum(frame.dtypes == "category")
    assert n_compared > 40 and n_numbers > 15 and n_categories > 5
