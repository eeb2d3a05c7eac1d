"""Files either load as they are or are refused in one sentence."""

import gzip
from contextlib import nullcontext

import numpy as np
import pandas
import pyarrow.csv
import pytest

from propneat.base.errors import DataError, PropneatError
from propneat.data import Preprocessor, load_table
from propneat.data.table import make_table
from propneat.settings.reading import DelimitedForm, ReadingOptions

ROWS = 12


def good_frame() -> pandas.DataFrame:
    """A small table with numbers, texts, truth values and holes."""
    return pandas.DataFrame(
        {
            "age": [30, 41, 25, 67, 50, 33, 29, 44, 38, 61, 27, 55],
            "weight": [70.5, None, 61.25, 80.0, 1e-3, 66.6, 0.1, 72.0, None, 90.9, 58.0, 77.7],
            "city": ["Oslo", "Rome", 'a "b", c', "Oslo", None, "Rome"] * 2,
            "smoker": [True, False, False, True] * 3,
            "class": ["ill", "well", "well"] * 4,
        }
    )


def assert_reads(features: pandas.DataFrame, frame: pandas.DataFrame) -> None:
    """The features are those of a frame, to the bit, its texts as categories."""
    expected = frame.drop(columns="class").astype({"city": "category"})
    assert (
        features["city"].astype(object).where(features["city"].notna(), None).tolist()
        == expected["city"].astype(object).where(expected["city"].notna(), None).tolist()
    )
    others = features.columns.drop("city")
    pandas.testing.assert_frame_equal(features[others], expected[others], check_dtype=False, check_exact=True)


@pytest.mark.parametrize(
    "ending", [".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".parquet", ".feather", ".xlsx", ".jsonl", ".CSV"]
)
def test_every_kind_of_file_gives_the_same_table(tmp_path, ending):
    path, frame = tmp_path / f"patients{ending}", good_frame()
    if ending == ".parquet":
        frame.to_parquet(path)
    elif ending == ".feather":
        frame.to_feather(path)
    elif ending == ".xlsx":
        pytest.importorskip("openpyxl")
        frame.to_excel(path, index=False)
    elif ending == ".jsonl":
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        compression = "gzip" if ending.endswith(".gz") else None
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in ending else ",", compression=compression)
    table = load_table(str(path))
    assert_reads(table.features, frame)
    assert table.target.tolist() == frame["class"].tolist()
    assert (table.name, table.task, table.source) == ("patients", "binary", f"file patients{ending}")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", ","), ("\t", ".")])
def test_encodings_line_ends_delimiters_and_decimal_commas(tmp_path, encoding, newline, delimiter, decimal):
    path, frame = tmp_path / "t.csv", good_frame()
    text = frame.to_csv(index=False, sep=delimiter, decimal=decimal, lineterminator=newline)
    path.write_bytes(text.encode(encoding))
    assert_reads(load_table(path).features, frame)


def write(path, text: str) -> str:
    """Write a text as it is and return the path."""
    path.write_bytes(text.encode())
    return str(path)


def rows(*fields: str, count: int = ROWS) -> str:
    """Repeat two alternating lines."""
    return "".join(f"{fields[index % len(fields)]}\n" for index in range(count))


def test_a_nameless_count_of_rows_is_dropped(tmp_path):
    good_frame().to_csv(tmp_path / "t.csv")
    assert list(load_table(tmp_path / "t.csv").features) == ["age", "weight", "city", "smoker"]


def test_question_marks_and_empty_cells_are_missing(tmp_path):
    path = write(tmp_path / "t.csv", "a,b,target\n" + rows("1,?,0", ",x,1", "NA,y,1"))
    table = load_table(path)
    assert table.features["a"].isna().tolist() == [False, True, True] * 4
    assert table.features["b"].isna().tolist() == [True, False, False] * 4


def test_long_whole_numbers_are_numbers(tmp_path):
    path = write(tmp_path / "t.csv", "a,target\n" + rows("100000000000000000000001,0", "7,1"))
    assert Preprocessor.fit(load_table(path).features).rules[0].center == pytest.approx(5e22)


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        ("", None, "is empty"),
        (" \n \n", None, "is empty"),
        ("a,target\n", None, "no rows below its header"),
        ("a,b\n" + rows("1,0", "2,1"), None, "no column called target or class: say which one to predict, of a, b"),
        ("age,klass\n" + rows("1,0", "2,1"), "class", "no column 'class': did you mean 'klass'"),
        ("a,b\n" + rows("1,0", "2,1"), "zzz", "the columns are a, b"),
        ("a,target\n" + rows("1,0", "2,0"), None, "only one class"),
        ("a,target\n" + rows("1,0", "2,1", count=5), None, "5 rows, and at least 10"),
        ("a,a,target\n" + rows("1,1,0", "1,2,1"), None, "more than one column named 'a'"),
        ("a,target\n" + rows("1,0", "2,", "3,1"), None, "target 'target' is there in 8 rows, and at least 10"),
        ("1.5,2,0\n" + rows("1,3,0", "2,4,1"), None, "looks like a row of data .*'1.5', '2', '0'.*--no-header"),
        ("a,b,target\n" + rows(",?,0", ",,1"), None, "every feature value"),
        ("a,target\n" + rows("1,0", "inf,1"), None, "column 'a' holds an infinite value"),
        ("a,target\n" + rows("1,0", "1e999,1"), None, "column 'a' holds an infinite value"),
        ("target\n" + rows("0", "1"), None, "no column besides the target"),
        ("a,target\n" + rows("1,0", "2,1") + "3\n", None, "line 14 has 1 fields where the header has 2"),
        ("a,target\n" + rows("1,0", "2,1,5"), None, "line 3 has 3 fields where the header has 2"),
        ("a,target\n" + rows("1,0", "2,1") + '"3,1\n', None, "line 14 has 1 fields|marks|inside string"),
        ("a,target\n" + rows("1,0", "2,1\x00"), None, "control character 0x00"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, text, target, words):
    with pytest.raises(DataError, match=words) as caught:
        load_table(write(tmp_path / "t.csv", text), target=target)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(good_frame().to_csv().encode())[:-20])
    (tmp_path / "plain.csv.gz").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "not.parquet").write_bytes(b"PAR1 but not really PAR1")
    (tmp_path / "notes.doc").write_text("a,b")
    expected = {
        "folder.csv": "is a folder",
        "cut.csv.gz": "damaged",
        "plain.csv.gz": "damaged",
        "not.parquet": "not a readable Parquet file",
        "notes.doc": "not a kind of file that can be read",
        "absent.csv": "there is no file",
    }
    for name, words in expected.items():
        with pytest.raises(DataError, match=words):
            load_table(tmp_path / name)


def test_the_task_may_be_said_and_must_be_possible(tmp_path):
    path = write(tmp_path / "t.csv", "a,target\n" + rows("1,0", "2,1"))
    assert load_table(path).task == "binary"
    assert load_table(path, task="regression").task == "regression"
    assert load_table("iris", target="petal width (cm)").task == "regression"
    with pytest.raises(DataError, match="task must be one of"):
        load_table(path, task="ranking")
    with pytest.raises(DataError, match="same value in every row"):
        load_table(write(tmp_path / "u.csv", "a,target\n" + rows("1,3", "2,3")), task="regression")


def test_whole_float_classes_become_integers(tmp_path):
    path = write(tmp_path / "t.csv", "a,target\n" + rows("1,1.0", "2,2.0", "3,3.0"))
    assert load_table(path).target.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        (",a,target\n" + rows("7,1,0", "5,2,1").replace("7", "7"), ["a"], ""),
        ("a,target,\n" + rows("1,0,", "2,1,"), ["a"], "1 columns without name and content left out"),
        ("a,target,\n" + rows("1,0", "2,1"), ["a"], ""),
        ("a;target\n" + rows("1;0", ";;", "2;1", count=36), ["a"], "12 blank rows left out"),
        ("sep=;\na;target\n" + rows("1;0", "2;1"), ["a"], ""),
        ("a|b|target\n" + rows("1|x|0", "2|y|1"), ["a", "b"], ""),
        ("a   b target\n" + rows("1  x 0", "2 y   1"), ["a", "b"], ""),
        ("a, b ,target\n" + rows('1, "x, y",0', '2, "z",1'), ["a", "b"], ""),
        ("a,,target\n" + rows("1,x,0", "1,y,1"), ["a", "column 2"], ""),
        ("a,target\n" + rows("1,0", "2,", "3,1", count=36), ["a"], "12 of 36 rows left out: they have no target"),
    ],
)
def test_text_as_programs_write_it_is_read(tmp_path, text, names, words):
    counted = (
        "".join(
            f"{line.replace('7,', f'{number},', 1).replace('5,', f'{number},', 1)}\n"
            for number, line in enumerate(text.splitlines(), 40)
        )
        if text.startswith(",")
        else text
    )
    table = load_table(write(tmp_path / "t.csv", counted))
    assert list(table.features) == names
    assert words in " / ".join(table.notes)
    assert len(table) in (12, 24)


def test_a_table_without_a_header_is_read_when_it_is_said(tmp_path):
    path = write(tmp_path / "t.csv", rows("1.5,x,0", "2.5,y,1"))
    table = load_table(path, target="column 3", form=DelimitedForm(header=False))
    assert (list(table.features), len(table)) == (["column 1", "column 2"], 12)
    years = write(tmp_path / "years.csv", "city,1990,2000,target\n" + rows("x,1,2,0", "y,2,1,1"))
    assert list(load_table(years).features) == ["city", "1990", "2000"]


def test_western_european_text_is_read_and_said(tmp_path):
    (tmp_path / "t.csv").write_bytes(("naïve,target\n" + rows("café,0", "thé,1")).encode("cp1252"))
    table = load_table(tmp_path / "t.csv")
    assert table.features["naïve"].tolist()[:2] == ["café", "thé"]
    assert "read as cp1252" in table.notes[0]
    said = load_table(tmp_path / "t.csv", form=DelimitedForm(encoding="latin-1"))
    assert said.features["naïve"].tolist()[:2] == ["café", "thé"]
    with pytest.raises(DataError, match="is not utf-8 text"):
        load_table(tmp_path / "t.csv", form=DelimitedForm(encoding="utf-8"))


@pytest.mark.parametrize(
    ("labels", "task", "words"),
    [
        ([f"${value:,.2f}" for value in np.linspace(900, 1200, 36)], "regression", "'$' left off"),
        ([f"{value:,.0f}" for value in np.linspace(900, 1200, 36)], "regression", "a number to predict, 36 distinct"),
        ([str(value % 18) for value in range(36)], "regression", "--task multiclass"),
        ([str(value % 6) for value in range(36)], "multiclass", "--task regression would predict the number"),
        (["no", "no ", "yes\t"] * 12, "binary", "2 classes, rows of each: no (24), yes (12)"),
        (["1A", "02", "03"] * 12, "multiclass", "3 classes"),
    ],
)
def test_what_a_target_is_is_said_with_the_option_that_changes_it(tmp_path, labels, task, words):
    frame = pandas.DataFrame({"a": np.arange(36) % 7, "y": labels})
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = load_table(tmp_path / "t.csv", target="y")
    assert table.task == task
    assert words in table.notes[0]


def test_a_wide_table_is_read_in_linear_time(tmp_path):
    names = [f"c{number}" for number in range(6000)]
    path = write(
        tmp_path / "t.csv",
        ",".join([*names, "target"]) + "\n" + rows(",".join(["1"] * 6000) + ",0", ",".join(["2"] * 6000) + ",1"),
    )
    assert len(load_table(path).features.columns) == 6000


def corrupt(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file in one of the ways that files get damaged."""
    damaged = bytearray(data)
    way = rng.integers(8)
    start = int(rng.integers(len(damaged)))
    length = int(rng.integers(1, 40))
    if way == 0:
        del damaged[start:]
    elif way == 1:
        del damaged[start : start + length]
    elif way == 2:
        damaged[start : start + length] = rng.bytes(length)
    elif way == 3:
        damaged[start:start] = damaged[: start // 2]
    elif way == 4:
        damaged[start:start] = rng.choice([b'"', b"\n", b",", b"\r", b"'", b";", b"\t", b"\xff", b"1e999", b"nan"]).item()
    elif way == 5:
        damaged = bytearray(bytes(damaged).replace(*(rng.permutation([b",", b"\n", b'"', b".", b";", b"0"])[:2].tolist())))
    elif way == 6:
        damaged[start:start] = bytes(rng.choice(list(b'0123456789",;\n.eE-+'), length * 10).tolist())
    else:
        damaged = bytearray(bytes(damaged)[start:])
    return bytes(damaged)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_damaged_files_load_or_are_refused(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    good_frame().to_parquet(path) if ending == ".parquet" else good_frame().to_csv(path, index=False)
    data = path.read_bytes()
    rng = np.random.default_rng(3)
    outcomes = {True: 0, False: 0}
    for _ in range(300 if ending == ".csv" else 100):
        damaged = data
        for _ in range(int(rng.integers(1, 3))):
            damaged = corrupt(damaged, rng) if damaged else damaged
        path.write_bytes(damaged)
        try:
            table = load_table(path)
            outcomes[True] += 1
            assert len(table.features) == len(table.target) >= 10
            assert not table.target.isna().any()
        except PropneatError as error:
            outcomes[False] += 1
            assert "\n" not in str(error)
    assert outcomes[False] > 50
    assert ending != ".csv" or outcomes[True] > 10


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_arrow_threads_hold_no_memory_of_pythons(tmp_path, monkeypatch, ending):
    frame, path, files = pandas.DataFrame({"a": [1.5, 2.5] * 5, "b": ["x", "y"] * 5}), tmp_path / f"table.{ending}", []
    {"csv": lambda: frame.to_csv(path, index=False)}.get(ending, lambda: getattr(frame, f"to_{ending}")(path))()
    readers = {"csv": (pyarrow.csv, "read_csv"), "parquet": (pandas, "read_parquet"), "feather": (pandas, "read_feather")}
    place, name = readers[ending]
    read = getattr(place, name)

    def watched(file, **options):
        files.append(file)
        assert getattr(options.get("parse_options"), "invalid_row_handler", None) is None
        return read(file, **options)

    monkeypatch.setattr(place, name, watched)
    data = path.read_bytes()
    monkeypatch.setattr(type(path), "read_bytes", lambda _: data)
    load_table(path, target="b")
    [file] = files
    # such memory would be let go of by a thread that may outlive the interpreter, which aborts the process
    assert isinstance(file, pyarrow.BufferReader)
    file.seek(0)
    assert file.read_buffer().address not in range(id(data), id(data) + len(data) + 64)


def test_a_target_that_is_to_be_left_out_is_refused():
    frame = pandas.DataFrame({"a": np.arange(20) % 7, "target": np.arange(20) % 2})
    for said in (None, "target"):
        with pytest.raises(DataError, match="'target' is the target, and it is to be left out"):
            make_table(frame, name="table", source="", target=said, options=ReadingOptions(drop=("target",)))


def test_columns_that_are_all_left_out_are_not_said_to_be_missing():
    frame = pandas.DataFrame({"a": np.arange(20) % 7, "target": np.arange(20) % 2})
    with pytest.raises(DataError, match="every column of table besides the target is left out"):
        make_table(frame, name="table", source="", options=ReadingOptions(keep=("a",), drop=("a",)))


def test_a_target_too_large_to_be_added_up_is_refused():
    frame = pandas.DataFrame({"a": np.arange(20) % 7, "target": np.linspace(-1, 1, 20)})
    for most in (1e300, 1.7e308):
        told = nullcontext() if most == 1e300 else pytest.raises(DataError, match="as large as 1.7e[+]308, too large")
        with told:
            make_table(frame.assign(target=frame.target * most), name="table", source="")
