"""Laws of the column plan: what a column is read as, decided over all rows, and read the same in whatever company."""

import io
import json

import numpy as np
import pandas
import pyarrow
import pytest

from propneat.base.errors import DataError
from propneat.data import ColumnPlan, EncodingOptions, Preprocessor, ReadingOptions, TablePlan, plan_table
from propneat.data.cells import MISSING_TEXTS
from propneat.data.column_planning import plan_column
from propneat.data.dates import date_part
from propneat.data.files import read_table_file
from propneat.data.numbers import NumberForm, parse_number
from propneat.data.source_column import SourceColumn

N = 60


def column(*texts: str) -> np.ndarray:
    """A column of texts that come round and round."""
    return np.array([texts[row % len(texts)] for row in range(N)], dtype=object)


def numbers_as(pattern: str) -> np.ndarray:
    """A column of 60 different numbers, each written by a format."""
    return np.array([pattern.format(value) for value in np.linspace(1000.25, 5099.75, N)], dtype=object)


def with_one(values: np.ndarray, text: str) -> np.ndarray:
    return np.array([*values[:-1], text], dtype=object)


def read_one(values: np.ndarray) -> tuple[ColumnPlan, np.ndarray]:
    """The plan of a column and the numbers it reads."""
    plan = plan_column(SourceColumn(values, "a", MISSING_TEXTS)).plan
    return plan, plan.read(values).numbers


@pytest.mark.parametrize(
    ("values", "first", "n_missing"),
    [
        (with_one(numbers_as("{:.2f}"), "n.a."), 1000.25, 1),
        (with_one(numbers_as("{:.2f}"), "-"), 1000.25, 1),
        (numbers_as("{:,.2f}"), 1000.25, 0),
        (numbers_as("${:,.2f}"), 1000.25, 0),
        (numbers_as("-${:,.2f}"), -1000.25, 0),
        (numbers_as("\u20ac {:.0f}"), 1000.0, 0),
        (numbers_as("EUR {:.2f}"), 1000.25, 0),
        (numbers_as("{:.1f}%"), 1000.2, 0),
        (numbers_as("{:,.0f} CC"), 1000.0, 0),
        (numbers_as("{:.2f} kmpl"), 1000.25, 0),
        (np.array([text.replace(".", ",") for text in numbers_as("{:.2f}")], dtype=object), 1000.25, 0),
        (np.array([text.translate({44: ".", 46: ","}) for text in numbers_as("{:,.2f}")], dtype=object), 1000.25, 0),
        (np.array([text.replace(",", " ") for text in numbers_as("{:,.2f}")], dtype=object), 1000.25, 0),
        (np.array([text.replace(",", "'") for text in numbers_as("{:,.2f}")], dtype=object), 1000.25, 0),
        (with_one(numbers_as("{:.0f}"), "2100 - 2850"), 1000.0, 0),
        (with_one(numbers_as("{:.0f}"), "less than 1 year"), 1000.0, 1),
        (np.array(["50"] * 49 + ["0,5"] * 11, dtype=object), 50.0, 0),
        (numbers_as("{:.3e}"), 1000.0, 0),
        (numbers_as(" {:.2f}\t"), 1000.25, 0),
    ],
)
def test_numbers_however_they_are_written(values, first, n_missing):
    plan, numbers = read_one(values)
    assert plan.kind == "number"
    assert numbers[0] == first
    assert np.isnan(numbers).sum() == n_missing


def test_a_range_is_its_middle():
    assert read_one(with_one(numbers_as("{:.0f}"), "2100 - 2850"))[1][-1] == 2475.0


@pytest.mark.parametrize(
    ("bound", "others", "number"),
    [
        ("< 0.5", "{:.2f}", 0.5),
        (">=100", "{:.0f}", 100.0),
        ("\u2264 3", "{:.0f}", 3.0),
        ("less than 1 year", "{:.0f} years", 1.0),
        ("Over 5,000", "{:,.0f}", 5000.0),
        ("10+ years", "{:.0f} years", 10.0),
        ("65+", "{:.0f}", 65.0),
        ("$9,000 or more", "${:,.0f}", 9000.0),
        ("1 year", "{:.0f} years", 1.0),
        ("1e+5", "{:.0f}", 1e5),
    ],
)
def test_a_bound_is_the_number_that_it_names(bound, others, number):
    plan, numbers = read_one(with_one(numbers_as(others), bound))
    assert plan.kind == "number"
    assert numbers[-1] == number
    assert not np.isnan(numbers).any()


def test_letters_multiply_where_they_differ():
    mixed = np.array([f"\u20ac{row + 1}{'K' if row % 2 else '.5M'}" for row in range(N - 1)] + ["\u20ac0"], dtype=object)
    report = plan_column(SourceColumn(mixed, "worth", MISSING_TEXTS))
    assert (
        report.note
        == "worth: numbers such as '\u20ac1.5M', '\u20ac' left off; letters for thousands and more multiplied, '\u20ac1.5M' is 1,500,000"
    )
    assert list(report.plan.read(mixed).numbers[[0, 1, 2, -1]]) == [1.5e6, 2e3, 3.5e6, 0.0]
    plan, numbers = read_one(np.array([f"{row}M" for row in range(N)], dtype=object))
    assert (plan.suffix, numbers[7]) == ("M", 7.0)
    assert read_one(column("1K", "2M", "3B"))[0].kind == "category"


@pytest.mark.parametrize(
    ("text", "suffix", "number"),
    [
        ("5s", "", np.nan),
        ("5 ms", "m", np.nan),
        ("5 m", "m", 5.0),
        ("5 days", "day", 5.0),
        ("5 year", "years", 5.0),
        ("5 kgs", "kg", np.nan),
    ],
)
def test_only_words_have_a_plural(text, suffix, number):
    assert np.array_equal(parse_number(text, NumberForm(suffix=suffix)), number, equal_nan=True)


def test_a_column_of_bounds_alone_is_of_numbers_where_each_is_its_own():
    plan, numbers = read_one(column(*[f"{10**k:,}+" for k in range(8)]))
    assert plan.kind == "number"
    assert list(numbers[:8]) == [10.0**k for k in range(8)]


def test_odd_cells_are_counted_in_plain_words():
    def note(*cells, options=ReadingOptions(numbers=("s",))):
        return plan_column(SourceColumn(np.array(cells, dtype=object), "s", MISSING_TEXTS), options).note

    assert note("a", "a").startswith("s: numbers, 2 cells of 2 that hold no number read as missing ('a')")
    assert note("1", "a").startswith("s: numbers such as '1', 1 cell of 2 that holds no number read as missing ('a')")
    days = [f"2024-01-{day:02}" for day in range(1, 29)]
    assert "; 1 cell of 29 that is none read as missing ('soon')" in note(*days, "soon", options=ReadingOptions(dates=("s",)))


def test_bounds_are_said_and_stand_beside_numbers():
    many = column("< 1 year", "1 year", *[f"{years} years" for years in range(2, 10)], "10+ years", "n/a")
    report = plan_column(SourceColumn(many, "job", MISSING_TEXTS))
    assert report.plan.kind == "number"
    n_rows = len(many)
    assert report.note == (
        f"job: numbers such as '1 year', 'years' left off; {n_rows // 6} bounds such as '< 1 year' read as the number named"
    )


def test_a_level_that_names_a_bound_is_not_the_number():
    report = plan_column(SourceColumn(column("<5", "<7"), "a", MISSING_TEXTS))
    read = report.plan.read(np.array([5, 7]))
    assert report.plan.levels == ("<5", "<7")
    assert [read.levels[code] for code in read.codes] == ["5", "7"]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (column("01", "02", "03", "1A"), ("01", "02", "03", "1A")),
        (column("1E1", "2E1", "X9"), ("1E1", "2E1", "X9")),
        (column("TRUE", "FALSE", "unknown"), ("FALSE", "TRUE", "unknown")),
        (column("no", "no ", "yes", "ckd\t"), ("ckd", "no", "yes")),
        (column("10+ years", "< 1 year", "1 year", "2 years"), ("1 year", "10+ years", "2 years", "< 1 year")),
        (column("<=50K", ">50K"), ("<=50K", ">50K")),
        (column("18-24", "25-34", "65+"), ("18-24", "25-34", "65+")),
        (column("1", "01"), ("01", "1")),
        (column("001", "002", "012"), ("001", "002", "012")),
    ],
)
def test_codes_stay_texts_without_blanks_at_their_ends(values, levels):
    for texts in (values, pandas.Series(values, dtype=pandas.ArrowDtype(pyarrow.string()))):
        plan = plan_column(SourceColumn(texts, "a", MISSING_TEXTS)).plan
        assert (plan.kind, plan.levels) == ("category", levels)


@pytest.mark.parametrize(
    ("text", "form", "seconds"),
    [
        ("2024-03-01", "iso", 1709251200.0),
        ("2024-03-01T12:30:00Z", "iso", 1709296200.0),
        ("2024-03-01 12:30:15.5+02:00", "iso", 1709296215.5),
        ("31/12/2023", "%d/%m/%Y", 1703980800.0),
        ("12/31/2023", "%m/%d/%Y", 1703980800.0),
        ("31.12.2023 06:00", "%d.%m.%Y %H:%M", 1704002400.0),
        ("Dec 31, 2023", "%b %d, %Y", 1703980800.0),
        ("31-Dec-23", "%d-%b-%y", 1703980800.0),
    ],
)
def test_dates_however_they_are_written(text, form, seconds):
    report = plan_column(SourceColumn(column(text), "when", MISSING_TEXTS))
    assert (report.plan.kind, report.plan.format) == ("date", form)
    assert report.plan.read(column(text)).numbers[0] == seconds
    assert text in report.note


def test_many_dates_are_parsed_like_few():
    texts = [f"{day:02d}/{month:02d}/{year}" for year in range(1990, 2002) for month in range(1, 13) for day in range(1, 29)]
    iso = [f"{text[6:]}-{text[3:5]}-{text[:2]} 11:12:13.25" for text in texts]
    for values, form in ((texts, "%d/%m/%Y"), (iso, "iso")):
        plan = ColumnPlan("when", "date", format=form)
        few = np.concatenate(
            [plan.read(np.array(values[start : start + 100], dtype=object)).numbers for start in range(0, len(values), 100)]
        )
        assert np.array_equal(plan.read(np.array(values, dtype=object)).numbers, few)


def test_typed_dates_and_their_texts_are_one():
    stamps = pandas.Series(pandas.date_range("1999-12-31 23:59:59.25", periods=N, freq="7h"))
    plan = plan_table(pandas.DataFrame({"when": stamps})).plan
    texts = pandas.DataFrame({"when": stamps.astype(str)})
    zoned = pandas.DataFrame({"when": stamps.dt.tz_localize("Europe/Rome")})
    for frame in (texts, zoned, pandas.DataFrame({"when": stamps.astype(object)})):
        assert np.array_equal(plan.read(frame)["when"].numbers, plan.read(pandas.DataFrame({"when": stamps}))["when"].numbers)


def people(rng: np.random.Generator) -> pandas.DataFrame:
    """A table with a column of each kind, as texts."""
    count = 200
    amounts = rng.uniform(10, 9000, count)
    return pandas.DataFrame(
        {
            "code": rng.choice(["01", "02", "03", "1A"], count),
            "level": rng.choice(["4.0", "5.5", "7.25", "n/d"], count),
            "truth": rng.choice(["TRUE", "FALSE", "unknown"], count),
            "flag": rng.choice(["true", "False", ""], count),
            "exponent": rng.choice(["1E1", "2E1", "X9"], count),
            "money": [f"${value:,.2f}" for value in amounts],
            "comma": [f"{value:.2f}".replace(".", ",") for value in amounts],
            "plain": [f"{value:.17g}" for value in amounts],
            "odd": [f"{value:.3f}" if row % 50 else "n.a." for row, value in enumerate(amounts)],
            "when": [f"{1 + row % 28:02d}/{1 + row % 12:02d}/2020" for row in range(count)],
            "stamp": [f"2020-01-{1 + row % 28:02d} 0{row % 10}:30:00" for row in range(count)],
            "store": rng.integers(1, 46, count).astype(str),
            "town": rng.choice([f"town {number}" for number in range(60)], count),
            "padded": rng.choice([" a", "b ", "c"], count),
        }
    )


def test_an_answer_does_not_depend_on_the_other_rows_nor_on_the_kind_of_file(tmp_path):
    rng = np.random.default_rng(5)
    frame = people(rng)
    plan = plan_table(frame).plan
    targets = rng.normal(size=(len(frame), 1))
    preprocessor = Preprocessor.fit(
        frame, plan=plan, targets=targets, options=EncodingOptions(one_hot_integers=10, max_levels=20)
    )
    preprocessor = Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict(), allow_nan=False)))
    whole = preprocessor.transform(frame)
    for trial in range(60):
        rows = rng.permutation(len(frame))[: 1 + trial % 4]
        part = frame.iloc[rows]
        part.to_csv(tmp_path / "t.csv", index=False)
        part.to_parquet(tmp_path / "t.parquet")
        part.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
        raw = read_table_file(tmp_path / "t.csv").frame
        typed = pandas.read_csv(io.StringIO(part.to_csv(index=False)), keep_default_na=False)
        for name in typed.select_dtypes("float"):
            # some versions of pandas read floats wrong in the last bit
            typed[name] = [float(text) for text in part[name]]
        typed.to_parquet(tmp_path / "typed.parquet")
        forms = [raw, typed, part.astype("string"), part.astype("category"), raw[raw.columns[::-1]]]
        forms += [read_table_file(tmp_path / name).frame for name in ("t.parquet", "typed.parquet", "t.jsonl")]
        for form in forms:
            assert np.array_equal(preprocessor.transform(form), whole[rows])


def test_a_plan_survives_json():
    plan = plan_table(people(np.random.default_rng(1))).plan
    document = json.loads(json.dumps(plan.to_dict(), allow_nan=False))
    assert TablePlan.from_dict(document) == plan
    assert document["columns"][5] == {"name": "money", "kind": "number", "thousands": ",", "prefix": "$"}


@pytest.mark.parametrize(
    "change",
    [
        lambda d: [],
        lambda d: {"columns": d["columns"]},
        lambda d: d | {"missing": "NA"},
        lambda d: d | {"columns": d["columns"] * 2},
        *(
            lambda d, more=more: d | {"columns": [d["columns"][0] | more]}
            for more in (
                *({"kind": "colour"}, {"name": 3}, {"levels": "ab"}, {"levels": ["a", 1]}, {"levels": [True]}, {"surprise": 1}),
                *({"sentinel": "9"}, {"sentinel": float("nan")}, {"kind": "date"}, {"format": "%Q"}, {"decimal": 1}),
            )
        ),
    ],
)
def test_malformed_plans_are_refused(change):
    document = plan_table(people(np.random.default_rng(1))).plan.to_dict()
    with pytest.raises(DataError) as caught:
        TablePlan.from_dict(change(document))
    assert "\n" not in str(caught.value)


def rare(name: str, values: object, count: int = 100) -> pandas.DataFrame:
    return pandas.DataFrame({name: values, "x": np.linspace(0, 1, count)})


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (rare("customerID", [f"{number:04d}-XYZ" for number in range(100)]), "almost every value is its own"),
        (rare("name", [f"Mr {number} Smith" for number in range(100)]), "almost every value is its own"),
        (rare("row", range(1, 101)), "only count the rows"),
        (rare("any", np.random.default_rng(0).permutation(100)), "only count the rows"),
        (rare("customer", 100_000 + 3 * np.arange(100)), "only count the rows"),
        (rare("patient_id", np.random.default_rng(0).permutation(5000)[:100]), "only name the rows"),
        (rare("remark", [f"the patient number {number % 70} came late again" for number in range(100)]), "free text"),
        (rare("empty", [None] * 100), "it is empty"),
    ],
)
def test_columns_that_cannot_help_are_left_out_and_said(frame, reason):
    planned = plan_table(frame)
    assert [plan.kind for plan in planned.plan.columns] == ["dropped", "number"]
    assert reason in planned.plan.columns[0].reason
    assert reason in planned.notes[0]
    name = frame.columns[0]
    assert plan_table(frame, ReadingOptions(categories=(name,))).plan.columns[0].kind == "category"


def test_no_table_loses_all_its_columns_and_no_array_loses_any():
    frame = pandas.DataFrame({"t": np.arange(100)})
    assert plan_table(frame).plan.columns[0].kind == "number"
    assert [plan.kind for plan in plan_table(np.arange(200.0).reshape(100, 2)).plan.columns] == ["number", "number"]


def test_measures_that_happen_to_be_whole_and_different_are_kept():
    for values in (
        np.random.default_rng(0).permutation(9000)[:100],
        np.arange(1921, 2021),
        np.sort(np.random.default_rng(1).permutation(90_000)[:100]),
    ):
        assert plan_table(rare("income", values)).plan.columns[0].kind == "number"


def test_a_lone_negative_number_far_from_the_rest_is_missing():
    values = np.where(np.arange(100) % 9 == 0, -200.0, np.linspace(0, 50, 100))
    planned = plan_table(rare("co", values))
    assert planned.plan.columns[0].sentinel == -200.0
    assert "12 cells of 100 hold -200" in planned.notes[0]
    assert np.isnan(planned.plan.read(rare("co", values))["co"].numbers).sum() == 12
    kept = plan_table(rare("co", values), ReadingOptions(numbers=("co",))).plan
    assert kept.columns[0].sentinel is None
    assert plan_table(rare("sign", np.where(np.arange(100) % 9 == 0, -1.0, 1.0))).plan.columns[0].sentinel is None


def test_points_that_may_mark_thousands_are_said_and_settable():
    frame = pandas.DataFrame({"a": column("999", "1.234", "12.500"), "x": column("1", "2")})
    raw = frame.astype(pandas.ArrowDtype(pyarrow.large_string()))
    for table in (frame, raw):
        planned = plan_table(table)
        assert planned.plan.read(table)["a"].numbers.tolist()[:3] == [999, 1.234, 12.5]
        assert "thousands" in planned.notes[0]
        said = plan_table(table, ReadingOptions(thousands="."))
        assert said.plan.read(table)["a"].numbers.tolist()[:3] == [999, 1234, 12500]
        beside = table.assign(b=column("0,5", "1,25"))
        assert plan_table(beside).plan.read(beside)["a"].numbers.tolist()[:3] == [999, 1234, 12500]


def test_what_is_said_of_columns_is_done():
    frame = people(np.random.default_rng(2))
    kinds = {plan.name: plan.kind for plan in plan_table(frame, ReadingOptions(drop=("code",), texts=("town",))).plan.columns}
    assert (kinds["code"], kinds["town"], kinds["money"]) == ("dropped", "dropped", "number")
    kept = plan_table(frame, ReadingOptions(keep=("money", "code"))).plan
    assert [plan.name for plan in kept.used] == ["code", "money"]
    forced = plan_table(frame, ReadingOptions(categories=("store",), numbers=("level",), dates=("stamp",)))
    kinds = {plan.name: plan.kind for plan in forced.plan.columns}
    assert (kinds["store"], kinds["level"], kinds["stamp"]) == ("category", "number", "date")
    assert (
        plan_table(frame, ReadingOptions(missing=("n/d",))).plan.read(frame)["level"].missing.sum()
        == (frame["level"] == "n/d").sum()
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"drop": ("cod",)}, "did you mean 'code'"),
        ({"drop": ("code",), "categories": ("code",)}, "stands in drop and in categories"),
        ({"decimal": ";"}, "decimal must be"),
        ({"thousands": "x"}, "thousands must be"),
        ({"odd_cells": 1.5}, "odd_cells must be 0 or more and below 1, not 1.5"),
        ({"dates": ("code",)}, "holds no dates of a known form"),
    ],
)
def test_what_cannot_be_done_is_refused(options, words):
    with pytest.raises(DataError, match=words):
        plan_table(people(np.random.default_rng(2)), ReadingOptions(**options))


def test_markers_are_texts_and_the_numbers_they_spell():
    plan = TablePlan((ColumnPlan("a", "number"),), (*MISSING_TEXTS, "-999"))
    for values in (np.array(["-999", "-999.0", "5", "x"], dtype=object), np.array(["-999", "-999.0", "5", "6"], dtype=object)):
        assert np.isnan(plan.read(pandas.DataFrame({"a": values}))["a"].numbers).tolist()[:3] == [True, True, False]
    assert np.isnan(plan.read(pandas.DataFrame({"a": [-999, 5]}))["a"].numbers).tolist() == [True, False]


def test_a_common_marker_among_texts_is_said():
    note = plan_column(SourceColumn(column("NA", "Grvl", "Pave"), "Alley", MISSING_TEXTS)).note
    assert note.startswith("Alley: 'NA' in 20 cells of 60 is taken for missing")


def test_parts_of_dates_are_those_of_numpy():
    rng = np.random.default_rng(3)
    seconds = np.concatenate([rng.uniform(-2e11, 2.5e11, 5000), 86400.0 * np.arange(-150_000, 150_000, 7), [np.nan, 0.0, -1.0]])
    known = seconds[~np.isnan(seconds)]
    days = np.floor(known / 86400).astype(np.int64).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    expected = {
        "days": known / 86400,
        "month": months.astype(np.int64) % 12 + 1.0,
        "day": (days - months).astype(np.float64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7 + 0.0,
        "hour": np.floor(known / 3600) % 24,
    }
    for part, numbers in expected.items():
        found = date_part(seconds, part)
        assert np.array_equal(np.isnan(found), np.isnan(seconds))
        assert found[~np.isnan(seconds)].tobytes() == numbers.tobytes()
