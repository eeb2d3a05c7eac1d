"""The pages and pictures of a benchmark report: complete, self-contained, the same bytes again, and never a crash."""

import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmark_rows import METHODS, PROVENANCE, make_realistic, make_rows, spoil
from matplotlib.image import imread

from propneat.report.axes import linear_scale, log_scale
from propneat.report.benchmark import Results, write_report
from propneat.report.benchmark.analysis import analyse
from propneat.report.benchmark.dataset_tables import scores_table
from propneat.report.benchmark.elements import count, p_value, quantity, seconds, signed
from propneat.report.benchmark.html import measured_on, render_html
from propneat.report.benchmark.latex import render_latex
from propneat.report.benchmark.markdown import render_markdown
from propneat.report.benchmark.sections import compose, compose_setting
from propneat.report.benchmark.strips import draw_folds
from propneat.report.benchmark.tables import primary_table, summary_table
from propneat.report.benchmark.write import draw_all
from propneat.report.drawing import (
    Dots,
    Drawing,
    Marker,
    Rect,
    Segments,
    Text,
    method_role,
    method_shape,
    render_png,
    render_svg,
    shorten,
    text_width,
)

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "link", "br", "hr", "img", "input", "wbr", "path", "rect"}
ORDER = [
    "summary", "primary", "friedman", "pairs", "ranks", "robustness", "cost", "datasets", "within", "coverage", "missing",
    "failures", "provenance", "configuration",
]  # fmt: skip


class Page(HTMLParser):
    """Collects what a page is made of, and refuses tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.attributes, self.ids, self.tags, self.tables = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID or (tag in ("path", "rect") and not self.get_starttag_text().endswith("/>")):
            self.open.append(tag)
        if tag == "table":
            self.tables.append({"rows": [], "caption": False})
        elif tag == "caption":
            self.tables[-1]["caption"] = True
        elif tag == "tr":
            self.tables[-1]["rows"].append(0)
        elif tag in ("td", "th"):
            self.tables[-1]["rows"][-1] += 1

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def render(results: Results) -> tuple[str, str]:
    """The HTML and Markdown of a report without files."""
    analysis = analyse(results)
    sections = (*compose(results, analysis, draw_all(analysis)), *compose_setting(results))
    assert [section.name for section in sections] == ORDER
    return render_html(results.title, "0", results.protocol, [analysis], sections), render_markdown(
        results.title, "0", sections
    )


def realistic(n_datasets: int = 9) -> Results:
    return Results(
        make_realistic(n_datasets, (*METHODS[:5], "vsml")), PROVENANCE, {"suite": "pmlb", "limits": {"seconds": 60}}, "A & <b>"
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    return write_report(realistic(), folder)


def test_all_files_are_written_and_pictures_are_whole(written):
    assert [path.name for path in (written.html, written.markdown, written.json, written.latex)] == [
        "report.html",
        "report.md",
        "report.json",
        "tables.tex",
    ]
    names = {path.stem for path in written.figures}
    assert names == {"effects", "pairs", "ranks", "auc-n-parameters", "auc-fit-seconds", "folds"}
    everything = {path.relative_to(written.html.parent) for path in written.html.parent.rglob("*") if path.is_file()}
    assert everything == {
        path.relative_to(written.html.parent)
        for path in (written.html, written.markdown, written.json, written.latex, *written.figures)
    }
    for path in written.figures:
        if path.suffix == ".svg":
            root = ElementTree.fromstring(path.read_text())
            assert root.tag == f"{SVG}svg" and root.find(f"{SVG}title") is not None and len(root.findall(f"{SVG}text")) > 5
            width, height = float(root.get("width")), float(root.get("height"))
        else:
            pixels = imread(io.BytesIO(path.read_bytes()))[..., :3]
            assert pixels.shape[:2] == pytest.approx((2 * height, 2 * width), abs=2)
            assert (pixels[0, 0] == 1).all() and (pixels < 0.9).any()
    json.loads(written.json.read_text())


def test_the_same_results_give_the_same_bytes(written, tmp_path):
    again = write_report(realistic(), tmp_path)
    for name in ("report.html", "report.md", "report.json", "figures/folds.svg", "figures/ranks.png"):
        assert (written.html.parent / name).read_bytes() == (again.html.parent / name).read_bytes()


def test_the_page_loads_nothing_and_is_small(written):
    text = written.html.read_text()
    assert len(text.encode()) < 1_000_000
    page = Page(text)
    loading = {"src", "srcset", "href", "xlink:href", "action", "data", "poster", "style"}
    assert {value[:1] for name, value in page.attributes if name in loading} == {"#"}
    assert not {"link", "img", "iframe", "object", "embed", "base", "image", "use"} & set(page.tags)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttp|import\(", text)
    assert "default-src 'none'" in text


def test_the_page_is_well_formed_and_accessible(written):
    page = Page(written.html.read_text())
    assert len(page.ids) == len(set(page.ids))
    assert {value[1:] for name, value in page.attributes if name == "href"} <= set(page.ids)
    assert page.tags.count("h1") == 1 and page.tags.count("h2") == len(ORDER) == page.tags.count("section")
    assert page.tables and all(table["caption"] and len(set(table["rows"])) == 1 for table in page.tables)
    for name, value in page.attributes:
        if name == "aria-labelledby":
            assert set(value.split()) <= set(page.ids)
    assert page.tags.count("svg") == 6 == page.tags.count("desc")
    classes = [value for name, value in page.attributes if name == "class"]
    frames = [value for value in classes if value.split()[0] == "scroll"]
    assert set(frames) == {"scroll", "scroll tall"} and len(frames) == len(page.tables) + 6


def test_the_title_is_text_and_not_markup(written):
    assert "<h1>A &amp; &lt;b&gt;</h1>" in written.html.read_text()
    assert written.markdown.read_text().startswith("# A \\& \\<b\\>\n")


def test_markdown_shows_every_picture_and_tables_are_rectangular(written):
    text = written.markdown.read_text()
    shown = re.findall(r"\]\((figures/[^)]*)\)", text)
    assert {written.markdown.parent / name for name in shown} == {path for path in written.figures if path.suffix == ".svg"}
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def _without_boxes(text: str) -> str:
    """LaTeX without comments and without the lines that fit tables to a page."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(("%", r"\resizebox")))


def test_latex_tables_are_whole_and_names_are_text(written):
    text = written.latex.read_text()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\toprule") >= 4
    for sides, body in re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert rows and all(len(re.findall(r"(?<!\\)&", row)) == len(sides) - 1 for row in rows)
    plain = re.sub(r"\\[a-zA-Z]+(?:\{\})?|\\[{}$&#_%]|\$\\[a-z]+\$|\$-\$", "", _without_boxes(text))
    assert not re.search(r"[#~^<>|$%]", plain) and plain.isascii()
    odd = Results(make_rows(3, ("a_b & {c}", "50 % #1", "x^2~")))
    assert r"50 \% \#1" in render_latex("0", compose(odd, analyse(odd), {}))


def test_findings_come_first_and_coverage_is_a_line_where_all_is_there():
    html, markdown = render(Results(make_rows(6, METHODS[:3])))
    n_tasks = len(make_rows(6, METHODS[:3]))
    assert f"All {n_tasks} planned tasks have a usable result." in markdown
    assert 'id="table-coverage"' not in html and html.index('id="summary"') < html.index('id="coverage"')
    days = make_rows(6, METHODS[:3]).assign(finished=1.0e9)
    days.loc[0, "finished"] = 1.0e9 - 86400
    assert measured_on(Results(days)) == "2001-09-08 to 2001-09-09" and measured_on(Results(days[1:])) == "2001-09-09"
    assert measured_on(Results(days.assign(finished=np.nan))) == ""


def test_coverage_flags_what_is_missing():
    html, markdown = render(realistic())
    assert html.index('id="summary"') < html.index('id="coverage"') < html.index('id="missing"')
    assert ">0/5 5F<" in html and ">4/5 1S<" in html and "0.500*" in html and re.search(r"\d†<", html)
    assert "took longer than 60 s" in html and "ValueError: Input X contains &lt;NaN&gt; &amp; more" in html
    assert "Of the same cells, 2 without any usable fold are imputed" in markdown and "Traceback" not in html


def no_auc(rows):
    return rows.assign(auc=np.nan)


def all_failed(rows):
    return spoil(rows, rows["method"] == rows["method"], "crashed", "signal 9")


def reference_failed(rows):
    return spoil(rows, rows["method"] == "propneat", "timeout", "60 s")


DEGENERATE = {
    "one method": (make_rows(4, METHODS[:1]), "There is one method with results"),
    "one data set": (make_rows(1, METHODS[:4]), "There is one data set with results"),
    "one task": (make_rows(1, METHODS[:1], 1), "There is one method with results"),
    "two data sets": (make_rows(2, METHODS[:4]), "With 2 data sets no Wilcoxon test can reach p"),
    "one fold": (make_rows(8, METHODS[:3], 1), "No two methods share two usable folds"),
    "all failed": (all_failed(make_rows(3, METHODS[:3])), "No data set has a usable result to compare"),
    "AUC undefined": (no_auc(make_rows(3, METHODS[:3])), "No data set has a usable result to compare"),
    "nothing stored": (spoil(make_rows(3), make_rows(3)["fold"] >= 0, "missing"), "This run is not finished"),
    "reference failed": (reference_failed(make_rows(8, METHODS[:3])), "propneat itself is imputed on 8 of 8 data sets"),
    "reference left out": (reference_failed(make_rows(8, METHODS[:3])), "For complete cases: propneat has no usable result"),
    "one left of two": (reference_failed(make_rows(8, METHODS[:2])), "There is one method with results"),
    "all the same": (make_rows(8, METHODS[:3]).assign(auc=0.75), "no difference between methods is shown"),
    "nothing but AUC": (
        make_rows(8, METHODS[:3]).assign(n_parameters=np.nan, depth=np.nan, fit_seconds=np.nan, n_train=np.nan, family=None),
        "No usable result has a number of parameters",
    ),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_results_say_what_cannot_be_computed(name):
    rows, sentence = DEGENERATE[name]
    html, markdown = render(Results(rows))
    Page(html)
    assert sentence in re.sub("&nbsp;", " ", html)
    assert sentence in markdown.replace("\\", "")
    assert not re.search(r"\bnan\b|\binf\b|None", re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL))


@pytest.mark.parametrize(
    "names", [["<script>alert(1)</script>", "a & b", "pipe|d `x`"], ["x" * 200, "$\\frac$", "emoji 🎉\x07"]]
)
def test_any_names_give_valid_pages_and_pictures(names, tmp_path):
    rows = make_rows(3, tuple(names)).replace({"dataset": {"data_00": "]]> <svg> & \" '", "data_01": "y" * 120}})
    paths = write_report(Results(rows, [{"a": "</td>"}], {"b|c": "<i>"}), tmp_path)
    page = Page(paths.html.read_text())
    assert page.tags.count("script") == 1 and page.tags.count("svg") == len(paths.figures) // 2
    for path in paths.figures:
        if path.suffix == ".svg":
            ElementTree.fromstring(path.read_text())


def test_pictures_hold_every_method_and_fold_within_their_bounds():
    analysis = analyse(realistic())
    drawings = draw_all(analysis)
    dots = {item.role: len(item.points) for item in drawings["folds"].items if isinstance(item, Dots)}
    for method in range(len(analysis.cells.methods)):
        usable = int((analysis.cells.folds.method == method).sum())
        # two folds on one pixel are one dot
        assert usable - 4 <= dots[method_role(method)] <= usable
    for drawing in drawings.values():
        texts = [item for item in drawing.items if isinstance(item, Text)]
        for item in texts:
            extent = text_width(item.text, item.size) * (0 if item.rotation else 1)
            start = item.x - extent * {"start": 0, "middle": 0.5, "end": 1}[item.anchor]
            assert start >= -1 and start + extent * 0.92 <= drawing.width + 1, (drawing.name, item.text)
            assert 0 <= item.y <= drawing.height
        shown = {item.text for item in texts}
        assert set(METHODS[:5]) <= shown | ({"propneat"} if drawing.name == "effects" else set()), drawing.name
        assert ElementTree.fromstring(render_svg(drawing)) is not None


def test_a_method_keeps_its_colour_and_shape_in_every_picture():
    analysis = analyse(realistic())
    drawings = draw_all(analysis)
    for method, name in enumerate(analysis.cells.methods):
        for drawing in drawings.values():
            marks = {
                (item.role, item.shape)
                for item in drawing.items
                if isinstance(item, Marker) and item.title.startswith(f"{name}:")
            }
            assert marks <= {(method_role(method), method_shape(method))}
    assert len({(method_role(k), method_shape(k)) for k in range(35)}) == 35


def test_labels_of_the_rank_diagram_do_not_overlap():
    names = tuple(f"method_{k}" for k in range(12))
    rows = make_rows(20, names)
    drawing = draw_all(analyse(Results(rows.assign(auc=rows["auc"].round(1)))))["ranks"]
    boxes = [item for item in drawing.items if isinstance(item, Text) and item.text in names]
    assert len(boxes) == 12
    for k, one in enumerate(boxes):
        assert all(abs(one.y - two.y) >= 14 or abs(one.x - two.x) > 200 for two in boxes[k + 1 :])


def test_many_data_sets_stay_within_a_picture_that_says_so():
    drawing = draw_folds(analyse(Results(make_rows(125, METHODS[:2], 2))))
    bold = [item.text for item in drawing.items if isinstance(item, Text) and item.bold]
    assert bold[0] == "AUC of every fold, first 120 of 125 data sets" and len(bold) == 121


def test_very_tall_pictures_have_fewer_pixels():
    for height, expected in ((100, (200, 100)), (7000, (7000, 50))):
        drawing = Drawing("tall", "tall", "tall", 50, height, (Rect(0, 0, 9, 9, "ink"),))
        assert imread(io.BytesIO(render_png(drawing))).shape[:2] == expected


def test_many_folds_stay_small():
    results = Results(make_rows(20, METHODS, n_folds=10, n_repeats=10))
    analysis = analyse(results)
    drawing = draw_all(analysis)["folds"]
    assert not any(isinstance(item, Dots) for item in drawing.items) and len(render_svg(drawing)) < 100_000


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (0.1, 0.9), (-0.003, 0.1), (0.4999, 1.0), (-5, 1000), (0.7, 0.7000001)])
def test_linear_scales_hold_their_range_and_end_at_ticks(low, high):
    scale = linear_scale(low, high, 10, 110)
    assert scale.low <= low + 1e-9 and scale.high >= high - 1e-9 and 2 <= len(scale.ticks) <= 9
    assert scale(scale.low) == 10 and scale(scale.high) == 110
    assert all(float(label.replace("−", "-")) == pytest.approx(value, abs=1e-9) for value, label in scale.ticks)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (0.0002, 4), (20, 45), (1, 1e7)])
def test_logarithmic_scales_have_ticks(low, high):
    scale = log_scale(low, high, 0, 100)
    assert 1 <= len(scale.ticks) <= 10 and 0 < scale(low) <= scale(high) < 100
    assert all(float(label.replace(",", "")) == pytest.approx(value) for value, label in scale.ticks)


def test_numbers_read_as_people_write_them():
    assert (signed(-0.0123), signed(0.0123), signed(-0.0001), signed(float("-inf"))) == ("−0.012", "+0.012", "0.000", "−∞")
    assert (p_value(0.0004), p_value(0.0421), p_value(1.0)) == ("<0.001", "0.042", "1.000")
    assert (count(12345.0), count(23.5), count(3.0), count(float("nan"))) == ("12,345", "23.5", "3", "–")
    assert (quantity(0.01234), quantity(9.999), quantity(1234.5), quantity(0)) == ("0.0123", "10.00", "1,234", "0")
    assert (seconds(0.0021), seconds(12.34), seconds(1200)) == ("2.10 ms", "12.3 s", "20.0 min")
    assert shorten("abcdefghij", 5) == "ab…ij" and shorten("abc", 5) == "abc"


def test_nothing_heavy_loads_with_the_package():
    code = (
        "import sys, propneat.report.benchmark; "
        "print(*sorted(set('torch sklearn matplotlib pandas propneat.benchmark'.split()) & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told == []


def shown(table) -> dict[str, list[str]]:
    """The texts of a table's rows by their first."""
    return {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}


def test_tables_show_the_numbers_of_the_analysis():
    analysis = analyse(realistic(12))
    pool, names, order = analysis.imputed, analysis.cells.methods, [row.method for row in analysis.summary]
    assert order == sorted(order, key=lambda k: pool.ranks[k]) and len(order) == 6
    primary, summary, scores = (shown(make(analysis)) for make in (primary_table, summary_table, scores_table))
    for comparison, bayes in zip(pool.primary, pool.bayes, strict=True):
        row = primary[names[comparison.other]]
        own, other = pool.scores[:, pool.reference], pool.scores[:, comparison.other]
        assert row[:4] == [str(n) for n in (12, (own > other).sum(), (own == other).sum(), (own < other).sum())]
        assert row[4:6] == [signed(comparison.median_difference), f"[{signed(comparison.low)}, {signed(comparison.high)}]"]
        assert row[6:8] == [p_value(comparison.p_value), p_value(comparison.adjusted)]
        assert row[8:] == [p_value(p) for p in (bayes.p_better, bayes.p_equivalent, bayes.p_worse)]
    for method, name in enumerate(names):
        n = int((analysis.cells.usable[:, method] > 0).sum())
        assert summary[name][:3] == [str(n), str(12 - n), f"{pool.scores[:, method].mean():.3f}"]
        assert summary[name][4] == f"{pool.ranks[method]:.2f}"
    for place, row in enumerate(pool.datasets):
        texts = scores[analysis.cells.datasets[row].name][3:]
        assert [float(text.rstrip("†*")) for text in texts] == [round(float(pool.scores[place, k]), 3) for k in order]


def test_only_the_best_of_a_data_set_is_marked_and_never_an_imputed_one():
    rows = make_rows(3, METHODS[:3])
    rows["auc"] = 0.3
    rows.loc[rows["method"] != "propneat", "auc"] = 0.4
    rows = spoil(rows, (rows["method"] == "propneat") & (rows["dataset"] == "data_01"), "timeout")
    table = scores_table(analyse(Results(rows)))
    marks = {row[0].text: [(cell.text, "best" in cell.marks) for cell in row[4:]] for row in table.rows}
    assert sorted(marks["data_00"]) == [("0.300", False), ("0.400", True), ("0.400", True)]
    assert sorted(marks["data_01"]) == [("0.400", True), ("0.400", True), ("0.500*", False)]


def test_the_win_matrix_and_the_posterior_bars_show_the_numbers_of_the_analysis():
    analysis = analyse(realistic(12))
    pool, names, drawings = analysis.imputed, analysis.cells.methods, draw_all(analysis)
    order = [row.method for row in analysis.summary]
    texts = [item.text for item in drawings["pairs"].items if isinstance(item, Text) and re.fullmatch(r"\d+–\d+", item.text)]
    wins, losses = pool.pairs.wins, pool.pairs.losses
    assert texts == [f"{wins[i, j]}–{losses[i, j]}" for i in order for j in order if i != j]
    for comparison, bayes in zip(pool.primary, pool.bayes, strict=True):
        mine = [
            item
            for item in drawings["effects"].items
            if isinstance(item, Rect) and item.title.startswith(f"{names[comparison.other]}:")
        ]
        widths = {item.role: item.width / 300 for item in mine}
        for role, probability in (("good", bayes.p_better), ("even", bayes.p_equivalent), ("bad", bayes.p_worse)):
            assert widths.get(role, 0.0) == pytest.approx(probability)


def test_the_rank_diagram_places_methods_at_their_mean_ranks():
    analysis = analyse(realistic(12))
    pool, names = analysis.imputed, analysis.cells.methods
    drawing = draw_all(analysis)["ranks"]
    x = {item.title.split(":")[0]: item.x for item in drawing.items if isinstance(item, Marker)}
    ticks = {item.text: item.x for item in drawing.items if isinstance(item, Text) and re.fullmatch(r"\d", item.text)}
    for k, name in enumerate(names):
        assert x[name] == pytest.approx(ticks["1"] + (pool.ranks[k] - 1) * (ticks["2"] - ticks["1"]))
    bars = [item.points[0] for item in drawing.items if isinstance(item, Segments) and item.width == 4.0]
    assert [(a + 5, b - 5) for a, _, b, _ in bars] == [
        pytest.approx((x[names[bar[0]]], x[names[bar[-1]]])) for bar in pool.cliques
    ]
