"""Species and ancestors of a run: children are their mothers' where nothing changes them, lines are followed, all are counted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from propneat.evolution import EvolutionConfig, Population
from propneat.report.drawing import render_png, render_svg
from propneat.report.run_page.descent import draw_ancestors, draw_species, side_by_side
from propneat.search import Problem, evolve
from propneat.search.descent import DESCENT, Ancestor, SpeciesSize, ancestors, species_sizes
from propneat.settings.evolve_config import default_config
from propneat.training import Samples

STILL = EvolutionConfig(
    population_size=20, crossover_rate=0.0, add_connection_rate=0.0, add_node_rate=0.0, weight_mutation_rate=0.0,
    bias_mutation_rate=0.0, weight_sigma=2.0, compatibility_threshold=0.8,
)  # fmt: skip


def kept(heirs=(-1, -1), species=(0, 0), sizes=(1, 2), losses=(0.5, 0.25), champion=()) -> np.ndarray:
    row = np.zeros(len(heirs), DESCENT)
    row["heir"], row["species"], row["size"], row["loss"] = heirs, species, sizes, losses
    row["champion"][list(champion)] = 1
    return row


def test_a_child_that_nothing_changes_is_its_mother():
    population, rng = Population(3, 1, STILL, seed=4), np.random.default_rng(0)
    for _ in range(4):
        before = [genome.to_bytes() for genome in population.ask()]
        report = population.tell(rng.standard_normal(20))
        assert [genome.to_bytes() for genome in population.ask()] == [before[mother] for mother in report.mothers]
        assert len(set(report.mothers.tolist())) > 1
        # a mother is of a species that could have offspring
        assert report.best.to_bytes() in {before[mother] for mother in report.mothers}


def test_a_generation_begun_anew_has_no_mothers():
    config = replace(STILL, stagnation=1, species_elitism=0, elitism=0)
    population = Population(2, 1, config, seed=0)
    reports = [population.tell(np.zeros(20)) for _ in range(3)]
    assert any(report.extinct for report in reports)
    assert all((report.mothers == -1).all() == report.extinct for report in reports)


def test_a_line_is_followed_from_the_last_champion_through_its_mothers_to_where_it_began():
    first = [kept(heirs=(1, 0), champion=(0,)), kept(heirs=(1, 1), champion=(1,), losses=(0.4, 0.3)), kept(heirs=(0, 0))]
    second = [kept(heirs=(-1, 0)), kept(champion=(0,), species=(7, 8), losses=(np.nan, 0.1))]
    assert ancestors([first]) == [Ancestor(0, 0, 0, 1, 0.5), Ancestor(0, 1, 0, 2, np.float32(0.3))]
    line = ancestors([first, second])
    assert [(one.population, one.generation, one.species, one.connections) for one in line[2:]] == [(1, 4, 7, 1)]
    assert np.isnan(line[2].validation_loss)
    assert ancestors([[kept()]]) == [] == ancestors([])
    assert species_sizes([[kept()], [kept(species=(3, 1))]]) == [
        SpeciesSize(0, 0, 0, 2), SpeciesSize(1, 1, 1, 1), SpeciesSize(1, 1, 3, 1),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 3)).astype(np.float32)
    rows = Samples.make(X, (X[:, 0] * X[:, 1] > 0).astype(np.float32))
    config = default_config()
    config = replace(
        config, generations=3, populations=2, fine_tune_epochs=1, prune_epochs=0, refit_epochs=0,
        evolution=replace(config.evolution, population_size=12), training=replace(config.training, epochs=2),
    )  # fmt: skip
    return evolve(Problem(rows.take(np.arange(50)), rows.take(np.arange(50, 80)), "binary"), config)


def test_what_is_kept_of_a_run_agrees_with_its_history(result):
    sizes, line = species_sizes(result.descent), ancestors(result.descent)
    for row in result.history:
        own = [one for one in sizes if one.generation == row["generation"]]
        assert len(own) == row["n_species"] and sum(one.genomes for one in own) == 12
    assert [len(part) for part in result.descent] == [3, 3]
    for population, last in ((0, result.history[2]), (1, result.history[5])):
        own = [one for one in line if one.population == population]
        assert own[-1].validation_loss == pytest.approx(last["validation_loss"], rel=1e-6)
        assert [one.generation for one in own] == list(range(3 * population, own[-1].generation + 1))
        assert all(b.generation == a.generation + 1 for a, b in pairwise(own))


def test_the_areas_of_a_generation_fill_its_genomes_and_say_what_they_are(result):
    sizes, line = species_sizes(result.descent), ancestors(result.descent)
    drawings = [draw_species(sizes), *draw_ancestors(line)]
    text = render_svg(drawings[0], standalone=False)
    for number in {one.species for one in sizes}:
        assert f"species {number}: generations" in text
    areas = [item for item in drawings[0].items if type(item).__name__ == "Area"]
    assert len(areas) == len({(one.population, one.species) for one in sizes})
    # areas lie on each other, so those of a population are as large as the rectangle of its generations
    shoelace = [abs(sum(a * d - c * b for (a, b), (c, d) in pairwise([*area.points, area.points[0]]))) / 2 for area in areas]
    frame = [point for area in areas for point in area.points]
    height = max(y for _, y in frame) - min(y for _, y in frame)
    across = sorted({round(x, 6) for x, _ in frame})
    assert len(across) == 6
    width = across[2] - across[0] + across[5] - across[3]
    assert sum(shoelace) == pytest.approx(width * height, rel=1e-6)
    together = side_by_side("descent", drawings)
    assert together.width > sum(drawing.width for drawing in drawings)
    assert render_png(together).startswith(b"\x89PNG")


def test_a_single_generation_is_drawn(result):
    sizes = [one for one in species_sizes(result.descent) if one.generation == 0]
    assert "NaN" not in render_svg(draw_species(sizes)) and draw_ancestors([])
