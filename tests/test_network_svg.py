"""The drawing of a network: valid XML for any names, exactly the edges of the plan, clear of nodes, the same bytes again."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from random_genomes import random_genome

from propneat.base.errors import ConfigError
from propneat.compiler import compile_genome
from propneat.genome import Genome, NodeKind, make_genome
from propneat.genome.presentation import NEGATIVE_COLOUR, POSITIVE_COLOUR, clean_text
from propneat.report.network_layout import lay_out
from propneat.report.network_svg import draw_network

SVG = "{http://www.w3.org/2000/svg}"
NASTY = ("<script>", "a & b", "quote \" and '", "bell \x07\x00", "tab\tline\nend", "\ud800", "🎉", "]]>", "&lt;", "", "x" * 99)


def nasty_names(rng: np.random.Generator, count: int, kind: str) -> list[str]:
    return [f"{NASTY[rng.integers(len(NASTY))]} {kind} {k}" for k in range(count)]


def draw_nasty(seed: int) -> tuple[Genome, list[str], list[str], str, ElementTree.Element]:
    rng = np.random.default_rng(seed)
    genome = random_genome(rng)
    inputs, outputs = nasty_names(rng, genome.n_inputs, "in"), nasty_names(rng, genome.n_outputs, "out")
    title = NASTY[rng.integers(len(NASTY))]
    text = draw_network(genome, input_names=inputs, output_names=outputs, title=title)
    return genome, inputs, outputs, text, ElementTree.fromstring(text.encode())


def tooltips(root: ElementTree.Element, element_class: str) -> list[str]:
    found = [element for element in root.iter() if element.get("class") == element_class]
    return [element.find(f"{SVG}title").text for element in found]


def edge_curves(path: str) -> np.ndarray:
    """Sample a path of M, L and C commands densely; returns points of shape (n, 2)."""
    points, here = [], None
    for command, numbers in re.findall(r"([MLC])([^MLC]*)", path):
        values = np.array(re.findall(r"-?[\d.]+", numbers), dtype=float).reshape(-1, 2)
        if command != "M":
            line = [(2 * here + values[0]) / 3, (here + 2 * values[0]) / 3, values[0]]
            control = values if command == "C" else line
            t = np.linspace(0, 1, 60)[:, None]
            points.append(
                (1 - t) ** 3 * here + 3 * t * (1 - t) ** 2 * control[0] + 3 * t**2 * (1 - t) * control[1] + t**3 * control[2]
            )
        here = values[-1]
    return np.concatenate(points)


def within(points: np.ndarray, box: tuple[float, float, float, float], margin: float) -> np.ndarray:
    """Say of every point whether it lies in the box grown by `margin` pixels (coordinates are written with one decimal)."""
    left, top, right, bottom = box
    x, y = points.T
    return (x > left - margin) & (x < right + margin) & (y > top - margin) & (y < bottom + margin)


def test_every_picture_is_valid_xml_with_the_plan_s_edges_and_the_used_names():
    for seed in range(200):
        genome, inputs, outputs, text, root = draw_nasty(seed)
        plan = compile_genome(genome)
        edges = [element for element in root.iter(f"{SVG}path") if element.get("class") == "edge"]
        assert len(edges) == plan.n_edges
        colours = sorted(element.get("stroke") for element in edges)
        assert colours == sorted(POSITIVE_COLOUR if weight > 0 else NEGATIVE_COLOUR for weight in plan.weights)
        used = sorted(set(plan.edge_source[plan.edge_source < plan.n_inputs].tolist()))
        assert [tip.split("\n")[0] for tip in tooltips(root, "input")] == [clean_text(inputs[k]) for k in used]
        assert sorted(tip.split("\n")[0] for tip in tooltips(root, "output")) == sorted(map(clean_text, outputs))
        n_hidden = np.count_nonzero(genome.nodes["kind"][plan.slot_gene] == NodeKind.HIDDEN)
        assert len(tooltips(root, "hidden")) == n_hidden
        unused = [element for element in root.iter(f"{SVG}text") if element.get("class") == "unused"]
        n_unused = genome.n_inputs - len(used)
        assert len(unused) == (n_unused > 0)
        if unused:
            assert unused[0].find(f"{SVG}title").tail.startswith(f"{n_unused} input")


def test_edges_keep_clear_of_the_nodes_they_do_not_join_and_meet_those_they_do():
    for seed in range(60):
        root = draw_nasty(seed)[-1]
        rects = {}
        for element in root.iter(f"{SVG}g"):
            if element.get("class") in ("hidden", "output"):
                rect = element.find(f"{SVG}rect")
                x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
                rects[element.find(f"{SVG}title").text.split("\n")[0]] = (x, y, x + width, y + height)
        for element in root.iter(f"{SVG}path"):
            source, target = element.find(f"{SVG}title").text.split("\n")[0].split(" \u2192 ")
            points = edge_curves(element.get("d"))
            for name, box in rects.items():
                joined = name in (source, target)
                assert not within(points, box, -0.3 if joined else 2.0).any()
                if joined:
                    assert within(points, box, 0.3)[-1 if name == target else 0]


def test_nodes_do_not_overlap_and_everything_lies_on_the_canvas():
    for seed in range(60):
        root = draw_nasty(seed)[-1]
        width, height = float(root.get("width")), float(root.get("height"))
        shift_x, shift_y = (float(number) for number in re.findall(r"[\d.]+", root.find(f"{SVG}g").get("transform")))
        boxes = []
        for rect in root.find(f"{SVG}g").iter(f"{SVG}rect"):
            x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            assert 0 <= x + shift_x and x + w + shift_x <= width and 0 <= y + shift_y and y + h + shift_y <= height
            boxes.append((x, y, x + w, y + h))
        for k, (left, top, right, bottom) in enumerate(boxes):
            assert all(x >= right or r <= left or t >= bottom or b <= top for x, t, r, b in boxes[k + 1 :])
        for path in root.iter(f"{SVG}path"):
            points = edge_curves(path.get("d")) + (shift_x, shift_y)
            assert (points >= 0).all() and (points <= (width, height)).all()
            assert (np.diff(points[:, 0]) >= -1e-9).all()


def test_what_can_be_drawn_without_crossings_is():
    rng = np.random.default_rng(0)
    for _ in range(20):
        # a tree of depth 3 with its leaves at the left, numbered at random, one of them joined straight to the root
        label = rng.permutation(21)
        source, target = label[1:], label[[*[0] * 4, *[1] * 4, *[2] * 4, *range(5, 12), 0]]
        column = np.empty(21, np.int64)
        column[label] = [3, 2, 2, 2, 2, *[1] * 8, *[0] * 8]
        layout = lay_out(column, source, target, np.full(21, 30.0), np.full(21, 20.0))
        edges = zip(layout.routes, column[source], column[target], strict=True)
        ends = [(route[0][1], route[-1][1], first, last) for route, first, last in edges]
        for a_start, a_end, a_from, a_to in ends:
            for b_start, b_end, b_from, b_to in ends:
                if (a_from, a_to) == (b_from, b_to):
                    assert (a_start - b_start) * (a_end - b_end) >= 0


def test_the_same_genome_gives_the_same_bytes_and_another_weight_does_not():
    for seed in range(20):
        assert draw_nasty(seed)[3] == draw_nasty(seed)[3]
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.OUTPUT, 0, 0)]
    pictures = {draw_network(make_genome(nodes, [(0, 0, 1, weight, True)])) for weight in (0.5, -0.5, 0.0, 1e308, 5e-324)}
    assert len(pictures) == 5


def test_a_network_without_connections_is_drawn_with_its_outputs_alone():
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.25, NodeKind.OUTPUT, 1, 0), (2, 0.0, NodeKind.OUTPUT, 3, 0)]
    genome = make_genome(nodes, [])
    root = ElementTree.fromstring(draw_network(genome, output_names=["yes", "no"]))
    assert len(tooltips(root, "output")) == 2 and "bias 0.25" in tooltips(root, "output")[0]
    assert "1 input unused" in ElementTree.tostring(root, encoding="unicode")


def test_long_names_are_shortened_on_the_picture_and_whole_in_the_tooltip():
    genome = make_genome([(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.OUTPUT, 0, 0)], [(0, 0, 1, 1.0, True)])
    name = "begin " + "long " * 30 + "end"
    root = ElementTree.fromstring(draw_network(genome, input_names=[name]))
    group = next(element for element in root.iter() if element.get("class") == "input")
    label = group.find(f"{SVG}text").text
    assert len(label) <= 30 and label.startswith("begin") and label.endswith("end") and "\u2026" in label
    assert group.find(f"{SVG}title").text.startswith(name)


def test_a_ladder_of_depth_200_is_drawn_whole():
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.OUTPUT, 1, 0)]
    nodes += [(k, 0.1, NodeKind.HIDDEN, 3, 0) for k in range(2, 201)]
    chain = [0, *range(2, 201), 1]
    edges = list(zip(chain[:-1], chain[1:], strict=True)) + [(0, k) for k in range(3, 201, 10)]
    genome = make_genome(nodes, [(k, s, t, 0.5 - k % 2, True) for k, (s, t) in enumerate(edges)])
    root = ElementTree.fromstring(draw_network(genome))
    assert len(list(root.iter(f"{SVG}path"))) == len(edges)


def test_wrong_numbers_of_names_are_refused():
    genome = random_genome(np.random.default_rng(0), n_inputs=3, n_outputs=1)
    with pytest.raises(ConfigError, match="3 input nodes, but 2 input names"):
        draw_network(genome, input_names=["a", "b"])
    with pytest.raises(ConfigError, match="1 output nodes, but 2 output names"):
        draw_network(genome, output_names=["a", "b"])


def test_drawing_loads_neither_torch_nor_matplotlib_nor_networkx():
    code = "import sys, propneat.report.network_svg; print(sorted({'torch', 'matplotlib', 'networkx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def single_layer(n_inputs: int, n_outputs: int) -> Genome:
    """Every input to every output, which add up."""
    nodes = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(n_inputs)]
    nodes += [(n_inputs + k, 0.0, NodeKind.OUTPUT, 0, 0) for k in range(n_outputs)]
    pairs = [(source, n_inputs + target) for source in range(n_inputs) for target in range(n_outputs)]
    return make_genome(nodes, [(number, *pair, 0.1 + number % 7, True) for number, pair in enumerate(pairs)])


def test_weights_are_written_on_demand_and_notes_stand_in_tooltips():
    genome = random_genome(np.random.default_rng(4), n_inputs=4, n_outputs=2)
    plan = compile_genome(genome)
    plain, told = draw_network(genome), draw_network(genome, weights=True, notes={plan.n_slots - 1: "five <of> six"})
    written = ElementTree.fromstring(told).find(f".//{SVG}g[@class='weights']")
    assert "weights" not in plain
    assert sorted(text.text for text in written) == sorted(f"{weight:.3g}" for weight in plan.weights)
    assert "five &lt;of&gt; six" in told and told.count("five") == 1


def test_an_output_that_only_adds_up_has_its_name_alone():
    genome = single_layer(3, 2)
    texts = [
        text.text for text in ElementTree.fromstring(draw_network(genome, output_names=["ill", "well"])).iter(f"{SVG}text")
    ]
    assert "ill" in texts and "identity" not in texts


def test_hundreds_of_inputs_stay_within_a_screen_or_two_and_apart():
    genome = single_layer(300, 10)
    root = ElementTree.fromstring(draw_network(genome))
    assert float(root.get("height")) < 3200
    places = np.sort([float(text.get("y")) for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "end"])
    size = float(next(text for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "end").get("font-size"))
    assert np.diff(places).min() >= size * 0.99
