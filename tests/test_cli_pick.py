"""`propneat pick`: another network of a run's front takes the champion's place, as if the run had picked it."""

import csv
import json
from pathlib import Path

import pytest

from propneat.compiler import compile_genome
from propneat.genome.json_form import genome_from_document
from propneat.model import load_model
from propneat.model.scores import score_model
from propneat.run import open_run_folder, prepare_run
from propneat.settings.file import read_settings_file, resolve_settings

pytestmark = pytest.mark.usefixtures("folder")

TINY = ("xd6", "--generations", "3", "--population", "12", "--fine-tune-epochs", "5", "--quiet")


@pytest.fixture
def finished(run):
    """A finished run and the sizes on its front."""
    assert run("evolve", *TINY, "--out", "a")[0] == 0
    with Path("a/front.csv").open(newline="") as file:
        return [int(row["connections"]) for row in csv.DictReader(file)]


def outcome(folder: str) -> dict:
    files = {name: (Path(folder) / name).read_bytes() for name in ("champion.json", "network.svg", "front.csv", "front.json")}
    summary = json.loads((Path(folder) / "summary.json").read_text())
    return files | {"summary": {k: v for k, v in summary.items() if k not in ("seconds", "folder", "champion", "report")}}


@pytest.mark.parametrize("populations", [1, 2])
def test_a_network_picked_later_is_the_one_the_run_would_have_picked(run, populations):
    more = ("--populations", str(populations))
    assert run("evolve", *TINY, *more, "--out", "a")[0] == 0
    sizes = [entry["figures"]["connections"] for entry in json.loads(Path("a/front.json").read_text())["networks"]]
    for rule in (str(sizes[1]), "one-standard-error", "2%"):
        assert run("evolve", *TINY, *more, "--pick", rule, "--out", rule)[0] == 0
        option = "--connections" if rule.isdigit() else "--rule"
        assert run("pick", "a", option, rule)[0] == 0
        assert outcome("a") == outcome(rule)
        assert open_run_folder(Path("a")).read_summary()["pick"] == (int(rule) if rule.isdigit() else rule)


def test_the_front_is_shown_with_the_champion_marked(run, finished):
    code, out, _ = run("pick", "a")
    lines = out.splitlines()
    assert code == 0 and lines[0].split()[:2] == ["connections", "hidden"]
    assert [int(line.split()[0]) for line in lines[1 : len(finished) + 1]] == finished
    champion = compile_genome(load_model("a/champion.json").genome).n_edges
    assert [line.split()[0] for line in lines if "champion" in line] == [str(champion)]
    rows = json.loads(run("pick", "a", "--json")[1])
    assert [row["connections"] for row in rows] == finished


def test_the_figures_of_every_network_are_its_own(run, finished):
    data = prepare_run(resolve_settings([read_settings_file("a/config.toml")]))
    for entry in json.loads(Path("a/front.json").read_text())["networks"]:
        model = data.model(genome_from_document(entry["genome"]))
        assert entry["figures"]["test"] == score_model(model, data.test_features, data.test_target)
        assert model.plan.n_edges == entry["figures"]["connections"]


def test_a_model_written_elsewhere_leaves_the_run_as_it_is(run, finished):
    before = outcome("a")
    code, out, _ = run("pick", "a", "--connections", str(finished[0]), "--out", "small.json")
    assert code == 0 and "small.json" in out and outcome("a") == before
    assert load_model("small.json").plan.n_edges == finished[0]
    facts = json.loads(run("pick", "a", "--connections", "1000", "--out", "large.json", "--json")[1])
    assert facts["connections"] == finished[-1] and facts["pick"] == 1000


def test_what_cannot_be_picked_is_refused_and_nothing_changes(run, finished):
    before = outcome("a")
    Path("empty").mkdir()
    for arguments, words in [
        (("a", "--connections", "0"), "0 is not in the range"),
        (("a", "--rule", "smallest"), "pick must be best, one-standard-error, a price of a connection such as 1%"),
        (("a", "--rule", "best", "--connections", "3"), "give one of them"),
        (("a", "--out", "x.json"), "--out needs --connections or --rule"),
        (("a", "--rule", "best", "--out", "a/front.json"), "is what is read here"),
        (("a", "--rule", "best", "--out", "a/config.toml"), "is what is read here"),
        (("a", "--rule", "best", "--out", "a/checkpoint.npz"), "is what is read here"),
        (("empty",), "is not the folder of a run that has come to its end"),
        (("nowhere", "--connections", "3"), "nowhere is not a folder"),
    ]:
        code, _, err = run("pick", *arguments)
        assert code == 2 and words in err and "Traceback" not in err
    if finished[0] > 1:
        code, _, err = run("pick", "a", "--connections", str(finished[0] - 1))
        assert code == 2 and f"has {finished[0]} connections" in err
    assert outcome("a") == before


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(schema="propneat.front/0"),
        lambda document: document.pop("networks"),
        lambda document: document.update(networks=[]),
        lambda document: document["networks"][0].pop("genome"),
        lambda document: document["networks"][0].update(cost="low"),
        lambda document: document["networks"][0]["figures"].pop("test"),
        lambda document: document["networks"][0]["figures"].update(connections=77),
        lambda document: document["networks"][0]["genome"]["connections"][0].update(weight=9.5),
        lambda document: document.pop("sha256"),
    ],
)
def test_a_damaged_front_is_refused(run, finished, change):
    document = json.loads(Path("a/front.json").read_text())
    change(document)
    Path("a/front.json").write_text(json.dumps(document))
    code, _, err = run("pick", "a", "--rule", "best")
    assert code == 2 and "front.json" in err and "run propneat evolve again" in err
    Path("a/front.json").write_bytes(b"\xff{")
    assert run("pick", "a")[0] == 2


def test_a_run_gone_on_with_chooses_by_its_own_rule_and_says_so(run, finished):
    assert run("pick", "a", "--connections", str(finished[0]))[0] == 0
    loud = [option for option in TINY[1:] if option != "--quiet"]
    code, _, err = run("evolve", "--resume", "a", *loud[2:], "--populations", "5")
    assert code == 0 and f"The network picked since, {finished[0]}, gives way" in err
    assert open_run_folder(Path("a")).read_summary()["pick"] == "best"


def test_a_size_that_was_not_found_is_said(run):
    code, out, _ = run("evolve", *TINY, "--prune-epochs", "0", "--pick", "1", "--out", "b")
    champion = load_model("b/champion.json").plan.n_edges
    assert code == 0 and (champion == 1 or "none of at most 1 was found" in out)
    for wrong in ("0", "-3", "smallest"):
        code, _, err = run("evolve", *TINY, "--pick", wrong, "--out", "c")
        assert code == 2 and "pick" in err and not Path("c").exists()
