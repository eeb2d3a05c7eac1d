"""Laws of the JSON form: exact both ways, the same bytes every time, and one sentence for whatever is wrong."""

import json

import numpy as np
import pytest
from random_genomes import random_genome

from propneat.base.errors import GenomeError
from propneat.compiler import compile_genome, evaluate
from propneat.genome import (
    SCHEMA,
    Genome,
    format_document,
    genome_from_document,
    genome_to_document,
    make_genome,
    parse_document,
)
from propneat.genome.json_form import MAX_CHARACTERS


def to_text(genome: Genome) -> str:
    return format_document(genome_to_document(genome))


def from_text(text: str) -> Genome:
    return genome_from_document(parse_document(text))


def sample_genome() -> Genome:
    nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 0, 0, 0), (2, 0.5, 1, 3, 0), (3, -0.5, 2, 4, 1)]
    return make_genome(nodes, [(0, 0, 3, 1.0, True), (1, 1, 3, -1.0, True), (2, 3, 2, 2.0, True), (3, 0, 2, 0.25, False)])


def edited(change) -> str:
    """The sample's JSON text after `change` was applied to its parsed document."""
    document = json.loads(to_text(sample_genome()))
    change(document)
    return json.dumps(document)


def test_a_thousand_genomes_survive_to_the_bit_and_to_the_byte():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        genome = random_genome(rng, scale=10.0 ** rng.integers(-30, 30))
        text = to_text(genome)
        again = from_text(text)
        assert again == genome
        assert to_text(again) == text


def test_extreme_numbers_survive():
    weights = [5e-324, 1.7976931348623157e308, -0.0, 0.1, 1 / 3, -2.2250738585072014e-308]
    nodes = [(k, 0.0, 0, 0, 0) for k in range(6)] + [(2**31 - 1, -0.0, 1, 0, 0)]
    genome = make_genome(nodes, [(2**31 - 1 - k, k, 2**31 - 1, weight, True) for k, weight in enumerate(weights)])
    assert from_text(to_text(genome)) == genome


def test_the_text_is_plain_json_with_the_documented_keys():
    document = json.loads(to_text(sample_genome()))
    assert list(document) == ["schema", "nodes", "connections"] and document["schema"] == "propneat.genome/2"
    assert document["nodes"][3] == {"id": 3, "kind": "hidden", "bias": -0.5, "activation": "relu", "aggregation": "mean"}
    assert document["connections"][3] == {"innovation": 3, "source": 0, "target": 2, "weight": 0.25, "enabled": False}
    assert to_text(sample_genome()).endswith("}\n")


def test_order_of_entries_and_spelling_of_numbers_do_not_matter():
    def change(document):
        document["nodes"].reverse()
        document["connections"].reverse()
        document["connections"][0]["weight"] = 0.250
        document["connections"][1]["weight"] = 2

    assert from_text(edited(change)) == sample_genome()


def test_an_edited_weight_is_honoured():
    text = to_text(sample_genome()).replace('"weight": 2.0', '"weight": -3.5')
    edited_genome = from_text(text)
    X = np.array([[1.0, 0.25]])
    assert evaluate(compile_genome(sample_genome()), X)[0, 0] == pytest.approx(
        np.tanh(0.5 + 2.0 * max(0.375 - 0.5, 0)), rel=1e-14
    )
    X = np.array([[3.0, 0.25]])
    assert evaluate(compile_genome(edited_genome), X)[0, 0] == pytest.approx(np.tanh(0.5 - 3.5 * (1.375 - 0.5)), rel=1e-14)


def test_a_recurrent_network_is_refused_by_name():
    def change(document):
        document["connections"].append({"innovation": 9, "source": 2, "target": 3, "weight": 1.0, "enabled": True})

    with pytest.raises(GenomeError, match="form a cycle through or before node 2, and only recurrent ones may close one"):
        from_text(edited(change))


WRONG = {
    "other version": (
        lambda d: d.update(schema="propneat.genome/5"),
        "expected the schema 'propneat.genome/1' or 'propneat.genome/2' or 'propneat.genome/3' or 'propneat.genome/4', and this file says",
    ),
    "no version": (lambda d: d.pop("schema"), "and this file says None"),
    "no nodes key": (lambda d: d.pop("nodes"), "lacks the key 'nodes'"),
    "no connections key": (lambda d: d.pop("connections"), "lacks the key 'connections'"),
    "nodes object": (lambda d: d.update(nodes={}), "'nodes' must be a list"),
    "no nodes": (lambda d: d.update(nodes=[], connections=[]), "the genome has no nodes"),
    "node text": (lambda d: d["nodes"].append("x"), "a node must be an object"),
    "connection list": (lambda d: d["connections"].append([1]), "a connection must be an object"),
    "twin innovation": (lambda d: d["connections"][1].update(innovation=0), "innovation number 0 appears twice"),
    "twin id": (lambda d: d["nodes"][1].update(id=0), "node id 0 appears twice"),
    "dangling": (lambda d: d["connections"][1].update(source=77), "connection 1 has source 77"),
    "missing weight": (lambda d: d["connections"][1].pop("weight"), "a connection lacks 'weight'"),
    "missing bias": (lambda d: d["nodes"][1].pop("bias"), "a node lacks 'bias'"),
    "unknown key": (lambda d: d["nodes"][1].update(gain=1), "a node has an unknown key 'gain'"),
    "kind": (lambda d: d["nodes"][1].update(kind="bias"), "the kind of node 1 must be one of input, output, hidden"),
    "kind code": (lambda d: d["nodes"][1].update(kind=0), "the kind of node 1 must be one of"),
    "activation": (lambda d: d["nodes"][3].update(activation="Tanh"), "the activation of node 3 must be one of"),
    "aggregation": (lambda d: d["nodes"][3].update(aggregation=[]), "the aggregation of node 3 must be one of"),
    "text weight": (lambda d: d["connections"][1].update(weight="1.0"), "the weight of connection 1 must be a number"),
    "null weight": (lambda d: d["connections"][1].update(weight=None), "the weight of connection 1 must be a number"),
    "true weight": (lambda d: d["connections"][1].update(weight=True), "the weight of connection 1 must be a number"),
    "huge weight": (lambda d: d["connections"][1].update(weight=10**400), "must be a finite number"),
    "one as true": (lambda d: d["connections"][1].update(enabled=1), "'enabled' of connection 1 must be true or false"),
    "float id": (lambda d: d["nodes"][1].update(id=1.0), "a node id must be a whole number"),
    "true id": (lambda d: d["nodes"][1].update(id=True), "a node id must be a whole number"),
    "negative id": (lambda d: d["nodes"][1].update(id=-1), "a node id must be a whole number from 0"),
    "huge id": (lambda d: d["nodes"][1].update(id=2**31), "a node id must be a whole number from 0 to 2147483647"),
    "huge innovation": (lambda d: d["connections"][1].update(innovation=10**30), "an innovation number must be a whole number"),
    "input bias": (lambda d: d["nodes"][1].update(bias=1.0), "an input node passes its value on"),
}


@pytest.mark.parametrize("what", WRONG)
def test_every_wrong_document_gets_one_sentence(what):
    change, message = WRONG[what]
    with pytest.raises(GenomeError, match=message) as caught:
        from_text(edited(change))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"weight": 2.0', '"weight": NaN', "the file holds NaN"),
        ('"weight": 2.0', '"weight": -Infinity', "the file holds -Infinity"),
        ('"weight": 2.0', '"weight": 1e999', "must be a finite number"),
        ('"weight": 2.0', '"weight": ' + "9" * 5000, "too many digits|must be a finite number"),
        ('"weight": 2.0', '"weight": 2.0, "weight": 3.0', "the key 'weight' appears twice"),
        ('"schema"', '"nodes": [], "schema"', "the key 'nodes' appears twice"),
        ('"weight": 2.0', '"weight": 2.0.0', "not valid JSON: .* at line 12, column"),
        ("{", "", "not valid JSON"),
    ],
)
def test_text_that_is_no_strict_json_gets_one_sentence(old, new, message):
    with pytest.raises(GenomeError, match=message):
        from_text(to_text(sample_genome()).replace(old, new, 1))


def test_half_a_file_is_refused():
    text = to_text(sample_genome()).rstrip()
    for length in range(0, len(text), 5):
        with pytest.raises(GenomeError, match="not valid JSON"):
            from_text(text[:length])


@pytest.mark.parametrize(
    ("text", "message"), [("", "not valid JSON"), ("[]", "one JSON object, not a list"), ("3", "not a int")]
)
def test_a_file_that_holds_no_object_gets_one_sentence(text, message):
    with pytest.raises(GenomeError, match=message):
        from_text(text)


def test_a_huge_file_is_refused_before_it_is_parsed():
    with pytest.raises(GenomeError, match=f"at most {MAX_CHARACTERS} are read"):
        parse_document("[" * (MAX_CHARACTERS + 1))


def test_deep_nesting_is_refused_at_every_depth():
    for depth in [*range(1, 1100, 3), 100_000]:
        deep = "[" * depth + "]" * depth
        for text in (deep, f'{{"schema": "{SCHEMA}", "nodes": [{deep}], "connections": []}}'):
            with pytest.raises(GenomeError):
                from_text(text)


def test_what_rides_along_may_not_be_deeper_than_can_be_written_again():
    text = to_text(sample_genome())
    for depth, is_fine in ((90, True), (98, True), (101, False), (500, False), (900, False), (100_000, False)):
        for opening, closing in (("[", "]"), ('{"a": ', "}")):
            deep = text.replace("{", '{"model": {"about": ' + opening * depth + "1" + closing * depth + "},", 1)
            if is_fine:
                assert json.loads(format_document(parse_document(deep))) == json.loads(deep)
            else:
                with pytest.raises(GenomeError, match="too deeply"):
                    parse_document(deep)


def test_damaged_text_is_read_as_a_genome_or_refused_and_nothing_else():
    rng = np.random.default_rng(2)
    n_refused = 0
    for _ in range(600):
        text = list(to_text(random_genome(rng, max_hidden=2)))
        for _ in range(rng.integers(1, 4)):
            place = int(rng.integers(len(text)))
            if rng.random() < 0.4:
                del text[place]
            else:
                text[place] = rng.choice(list('0123456789{}[]",:.-eE truefalsn\\\x00é'))
        try:
            genome = from_text("".join(text))
        except GenomeError as error:
            n_refused += 1
            assert "\n" not in str(error)
        else:
            assert from_text(to_text(genome)) == genome
    assert 300 < n_refused < 600


def test_writing_refuses_numbers_that_json_cannot_hold():
    with pytest.raises(ValueError):
        format_document({"weight": float("nan")})


def test_other_keys_ride_along_unread():
    document = parse_document(edited(lambda d: d.update(model={"about": [1, 2]}, note="x")))
    assert genome_from_document(document) == sample_genome()
    assert json.loads(format_document(document)) == document
