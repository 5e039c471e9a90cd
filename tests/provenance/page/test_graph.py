"""The graph: what belongs to the story of a model, and what does not."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import Log
from provenance.graph import Graph, build_graph
from provenance.subject import UnknownSubjectError
from tests.provenance.conftest import Bench
from tests.provenance.page.story import WEIGHTS, digest, made, read, release, run, tell


@pytest.fixture
def story(bench: Bench) -> Log:
    log = bench.open()
    tell(log)
    return log


def numbers(graph: Graph) -> list[int]:
    return [entry.seq for entry in graph.entries]


def test_goes_back_to_sources_and_leaves_out_what_is_unrelated(story: Log) -> None:
    graph = build_graph(story, "voices/1")
    assert numbers(graph) == [0, 2, 3, 4]
    assert graph.subject.name == "voices/1"
    assert graph.subject.digest == digest(WEIGHTS)
    entities = {entity.path: entity for entity in graph.entities}
    assert "data/other.csv" not in entities
    assert entities["data/clips.tar"].type == "artifact"
    assert entities["encoder.bin"].type == "source", "listed by a run, but it came from outside"
    assert entities["https.zip"].type == "source"
    assert (2, entities["data/clips.tar"].id) in graph.used
    assert (2, entities["encoder.bin"].id) in graph.used
    assert (4, 3) in graph.informed, "the release and the run that released"
    assert not graph.gaps
    assert not graph.withdrawn


@pytest.mark.parametrize(
    ("asked", "entry", "kind"),
    [
        ("voices", 4, "release"),
        ("voices/1", 4, "release"),
        ("train-1", 2, "run"),
        ("ingest", 0, "run"),
        (digest(WEIGHTS), 4, "release"),
        (digest(WEIGHTS)[:8], 4, "release"),
        (digest("data/clips.tar")[:12], 0, "artifact"),
        (digest("https.zip"), 2, "artifact"),
        ("release-voices-1-True", 4, "release"),
    ],
)
def test_what_a_name_means(story: Log, asked: str, entry: int, kind: str) -> None:
    subject = build_graph(story, asked).subject
    assert (subject.entry, subject.kind) == (entry, kind)


@pytest.mark.parametrize("asked", ["voice", "voices/2", "", "train", "abcdef12", digest("x"), "/"])
def test_unknown_names_are_answered_with_the_known_ones(story: Log, asked: str) -> None:
    with pytest.raises(UnknownSubjectError, match=r"released models are voices/1$") as refused:
        build_graph(story, asked)
    assert refused.value.exit_code == 2


def test_an_id_that_begins_several_is_refused(story: Log) -> None:
    run(story, "train-1b", [], [])
    assert build_graph(story, "train-1").subject.entry == 2, "the whole id is no beginning"
    run(story, "ingest-2", [], [])
    with pytest.raises(UnknownSubjectError, match="ingest-1, ingest-2; give more"):
        build_graph(story, "ingest")


def test_no_release_and_no_entry_at_all(bench: Bench) -> None:
    log = bench.open()
    with pytest.raises(UnknownSubjectError, match="holds no released model yet"):
        build_graph(log, "voices")
    run(log, "train-1", [], [])
    graph = build_graph(log, "train-1")
    assert numbers(graph) == [0], "a run without inputs is a graph of one"
    assert graph.entities == ()


def test_a_name_alone_is_the_champion_that_still_stands(story: Log) -> None:
    run(story, "train-2", [made("b/model.safetensors")], [])
    body = release(story, "2", 2, champion=False).body
    assert build_graph(story, "voices").subject.name == "voices/1"
    crowned = {**body, "id": "crowned", "artifacts": [made("v/model.safetensors", "b")]}
    crowned["inputs"] = []
    crowned["release"] = {**body["release"], "version": "3", "champion": True}
    story.append(crowned)
    assert build_graph(story, "voices").subject.name == "voices/3"
    withdrawn = {"path": "v/model.safetensors", "blake3": digest("b")}
    story.append({"kind": "revoked", "id": "revoked-1", "artifacts": [withdrawn]})
    assert build_graph(story, "voices").subject.name == "voices/1"
    assert build_graph(story, "voices/3").withdrawn, "asked for, it is shown, and as withdrawn"


def test_forward_from_data_to_releases_approvals_and_revocations(story: Log) -> None:
    story.append({"kind": "policy", "id": "policy-1", "policy": {"blake3": digest("p")}})  # 5
    release(story, "2", 2)  # 6
    approval = {"model": "voices", "version": "2", "blake3": digest(WEIGHTS)}
    story.append({"kind": "approval", "id": "approval-1", "approval": approval})  # 7
    foreign = {"model": "voices", "version": "2", "blake3": digest("another model")}
    story.append({"kind": "approval", "id": "approval-2", "approval": foreign})  # 8
    withdrawn = {"path": "data/clips.tar", "blake3": digest("data/clips.tar")}
    story.append({"kind": "revoked", "id": "revoked-1", "artifacts": [withdrawn]})  # 9
    story.append({"kind": "key", "id": "key-1"})  # 10
    assert numbers(build_graph(story, digest("data/clips.tar"))) == [0, 2, 3, 4, 5, 6, 7, 9, 10]
    graph = build_graph(story, "voices/1")
    assert 5 not in numbers(graph), "a policy of later does not belong to this release"
    assert [(e.path, e.revoked) for e in graph.withdrawn] == [("data/clips.tar", 9)]
    assert [name[1] for name in graph.releases] == ["1", "2"]
    # Version 2 was released under the policy of entry 5; approval 7 speaks of the same weights.
    assert (6, 5) in build_graph(story, "voices/2").informed
    assert 8 not in numbers(build_graph(story, "voices/2"))


def test_attack_34_an_input_that_was_never_logged_is_a_gap(bench: Bench) -> None:
    log = bench.open()
    run(log, "train-1", [made(WEIGHTS)], [read("data/secret.csv")])
    release(log, "1", 0)
    run(log, "ingest-1", [made("data/secret.csv")], [])  # logged later: still a gap
    graph = build_graph(log, "voices")
    assert [(gap.path, gap.why) for gap in graph.gaps] == [
        ("data/secret.csv", "no earlier entry holds it with this digest")
    ]
    assert numbers(graph) == [0, 1]


def test_attack_35_a_circle_is_a_gap_and_ends(bench: Bench) -> None:
    log = bench.open()
    run(log, "a-1", [made("a")], [read("b", 1)])
    run(log, "b-1", [made("b")], [read("a", 0), read("b", 1)])
    graph = build_graph(log, "b-1")
    assert numbers(graph) == [0, 1]
    assert sorted(gap.why or "" for gap in graph.gaps) == [
        "it names entry 1, which is not earlier",
        "it names entry 1, which is not earlier",
    ]


def test_an_input_with_another_digest_is_a_gap(bench: Bench) -> None:
    log = bench.open()
    run(log, "a-1", [made("a")], [])
    run(log, "b-1", [made("b")], [read("a", 0, content="other bytes")])
    (gap,) = build_graph(log, "b-1").gaps
    assert gap.why == "entry 0 does not hold it with this digest"


def test_a_failure_vouches_for_nothing(bench: Bench) -> None:
    log = bench.open()
    run(log, "a-1", [made("a")], [], kind="failure")
    run(log, "b-1", [made("b")], [read("a", 0)])
    assert len(build_graph(log, "b-1").gaps) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"release": "a string"},
        {"release": {"model": 7, "version": None}},
        {"release": {}},
        {"run": []},
        {"params": [1, {"a": [{}]}], "metrics": "none", "env": None},
        {"actor": {"name": "x"}, "stage": ["train"], "ts": ""},
    ],
)
def test_bodies_of_any_shape_that_the_log_takes(story: Log, odd: dict[str, Any]) -> None:
    # check_body holds only kind, id, ts, artifacts and inputs to a form; the rest is anybody's.
    from provenance.page import render

    for kind in ("release", "run", "approval", "policy", "key"):
        body = {"kind": kind, "id": f"odd-{kind}", "inputs": [read(WEIGHTS, 2)], **odd}
        story.append(body)
        graph = build_graph(story, f"odd-{kind}")
        assert f"odd-{kind}" in render(graph)


def test_json_form(story: Log) -> None:
    # The keys are what readers of schema cairn.lineage/1 rely on; terms of https://www.w3.org/TR/prov-dm/
    value = json.loads(json.dumps(build_graph(story, "voices").to_dict()))
    assert value["schema"] == "cairn.lineage/1"
    assert sorted(value) == [
        "activity", "agent", "entity", "log", "releases", "schema", "subject", "used",
        "wasAssociatedWith", "wasGeneratedBy", "wasInformedBy", "wasInvalidatedBy",
    ]  # fmt: skip
    assert sorted(value["activity"][0]) == ["body", "entry", "id", "leaf", "prev"]
    assert sorted(value["entity"][0]) == [
        "blake3", "entry", "id", "path", "revoked", "size", "type", "why",
    ]  # fmt: skip
    assert value["releases"] == [{"model": "voices", "version": "1", "entry": 4}]
    assert {agent["type"] for agent in value["agent"]} == {"actor", "signer"}


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Bodies of up to 12 entries that use and withdraw what earlier, later and no entries made."""
    names = st.sampled_from(["a", "b", "c", "d/model.safetensors"])
    bodies = []
    for seq in range(draw(st.integers(1, 12))):
        paths = draw(st.lists(names, unique=True, max_size=3))
        inputs = draw(st.lists(st.tuples(names, st.integers(-1, 13), st.booleans()), max_size=4))
        kind = draw(st.sampled_from(["run", "run", "release", "failure", "revoked", "approval"]))
        bodies.append(
            {
                "kind": kind,
                "id": f"id-{seq}",
                "artifacts": [made(path, f"{path}{draw(st.integers(0, 1))}") for path in paths],
                "inputs": [
                    read(path, entry if entry >= 0 else None, f"{path}0") | {"kept": kept}
                    for path, entry, kept in inputs
                ],
                "release": {"model": "m", "version": str(seq), "champion": True},
                "run": {"mlflow": f"id-{draw(st.integers(0, 12))}"},
            }
        )
    return bodies


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories())
def test_any_history_gives_a_closed_graph_and_a_page(
    tmp_path_factory: pytest.TempPathFactory, bench: Bench, bodies: list[dict[str, Any]]
) -> None:
    from provenance.page import render

    folder = tmp_path_factory.mktemp("log")
    log = Log.open(folder / ".provenance")
    log.append_many(bodies)
    last = bodies[-1]["id"]
    graph = build_graph(log, last)
    value = graph.to_dict()
    entities = [item["id"] for item in value["entity"]]
    activities = [item["id"] for item in value["activity"]]
    assert len(set(entities)) == len(entities)
    for relation in ("used", "wasGeneratedBy", "wasInvalidatedBy"):
        for link in value[relation]:
            assert link["entity"] in entities, relation
            assert link["activity"] in activities, relation
    for link in value["wasInformedBy"]:
        assert {link["informed"], link["informant"]} <= set(activities)
    assert value == build_graph(Log.open(folder / ".provenance"), last).to_dict()
    assert render(graph) == render(build_graph(log, last))


def test_a_thousand_entries(bench: Bench) -> None:
    log = bench.open()
    bodies = [
        {
            "kind": "run",
            "id": f"run-{seq}",
            "artifacts": [made(f"f{seq}")],
            "inputs": [read(f"f{seq - 1}", seq - 1)] if seq else [],
        }
        for seq in range(1000)
    ]
    log.append_many(bodies)
    from provenance.page import render

    graph = build_graph(log, "run-999")
    assert len(graph.entries) == 1000, "a chain of a thousand steps, without recursion"
    page = render(graph)
    assert page.count('<a class="card') == 60
    assert "941 cards far from the subject are left out" in page
    assert page.count('<details class="entry') == 1000
