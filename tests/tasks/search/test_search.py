import json

import mlflow
import pytest
import torch
from safetensors.torch import load_file

from models.batches import VIEWS
from provenance import Artifact, Log
from tasks.errors import InputError
from tasks.search.judge import Judge, of_head
from tasks.search.learn import blank
from tasks.search.source import read_source
from tasks.search.task import search_architectures
from tasks.search.views import dimensions, elastic_views, extremes
from tasks.tracking import connect
from tasks.train.evaluate import predict, retrieve


class Cut(Exception):
    """The test's own interruption."""


def outputs(workspace):
    folder = workspace.stage("search")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_leaves_a_front_an_entry_and_a_run_for_every_trial(trained, params):
    search_architectures.fn(params, trained)
    assert list(outputs(trained)) == ["front.json", "metrics.json", "supernet.safetensors"]
    entry, record = Log.open(trained.provenance).newest("mlruns/stages/search/front.json")
    path = trained.stage("search") / "front.json"
    assert record["blake3"] == Artifact.of(path).digest
    front = json.loads(path.read_text())
    largest = {name: values[-1] for name, values in front["space"].items()}
    assert any(member["choice"] == largest for member in front["front"]) or all(
        member["bytes"] <= front["front"][0]["bytes"] for member in front["front"]
    )
    client = connect(trained).MlflowClient()
    parent = client.get_run(entry.body["id"])
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    assert len(children) == params.trials
    assert all(set(run.data.params) == set(largest) for run in children)
    assert all(run.data.tags["search.seed"] == "3" for run in children)
    assert {"bytes", "latency_ms"} <= set.intersection(*(set(r.data.metrics) for r in children))
    pictures = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"front.png", "parallel_coordinates.png", "hypervolume.png"} <= pictures
    assert mlflow.active_run() is None


def test_a_run_that_was_killed_goes_on_and_ends_in_the_same_bytes(trained, params, monkeypatch):
    search_architectures.fn(params, trained)
    whole = outputs(trained)
    judged, figures = [], Judge.figures

    def cut(self, config):
        judged.append(config)
        if len(judged) == 3:
            raise Cut
        return figures(self, config)

    monkeypatch.setattr(Judge, "figures", cut)
    with pytest.raises(Cut):
        search_architectures.fn(params, trained)
    monkeypatch.undo()
    kept = [path for path in (trained.mlruns / "search").iterdir() if path.name != "last"]
    assert len(kept) == 1, "the study waits under the digest of what decides it"
    search_architectures.fn(params, trained)
    assert outputs(trained) == whole
    assert [path.name for path in (trained.mlruns / "search").iterdir()] == ["last"]


def test_the_judge_agrees_with_the_evaluation_of_training(trained, params):
    """On the trained model itself, whose heads every variant starts from."""
    source = read_source(trained)
    views = elastic_views(source, trained, params.space)
    nets = {view: blank(source, elastic).eval() for view, elastic in views.items()}
    judge = Judge(source, views, nets, source.validation)
    rows = source.validation
    labelled = rows[source.examples.label[rows] >= 0]
    fused = predict(source.model, source.examples, labelled)["fused"]
    right = (fused.argmax(1) == source.examples.label[labelled].numpy()).mean()
    from tasks.params import load_params

    training = load_params(trained.params_file).train
    group = source.manifest["group"].to_numpy(dtype=str)
    found = retrieve(source.model, source.examples, rows, group, training)
    recall = found[found["direction"] == "speech_to_text"]["r10"].mean()
    assert judge.teacher.accuracy == pytest.approx(right)
    assert judge.teacher.r10 == pytest.approx(recall)
    whole = judge.figures(extremes(views)[0])
    assert (whole.accuracy, whole.r10, whole.loss) == pytest.approx((right, recall, 0.0))
    for view, elastic in views.items():
        own = of_head(source.head(view), judge.described[view][elastic.variants[-1]])
        contents = source.contents(view, rows)
        scores, vectors = source.model.views[view](source.examples.contents[view][contents])
        torch.testing.assert_close(own.scores, scores)
        torch.testing.assert_close(own.vectors, vectors)


def test_no_test_row_is_looked_at(trained, params):
    source = read_source(trained)
    views = elastic_views(source, trained, params.space)
    split = source.manifest["split"].to_numpy()
    for view in VIEWS:
        place = source.examples.place[view]
        for content in views[view].contents.tolist():
            assert set(split[(place == content).numpy()]) & {"train", "val"}


def test_the_published_supernet_can_be_read_back(trained, params):
    source = read_source(trained)
    views = elastic_views(source, trained, params.space)
    search_architectures.fn(params, trained)
    tensors = load_file(trained.stage("search") / "supernet.safetensors")
    for view, elastic in views.items():
        own = {
            n.removeprefix(f"{view}."): t for n, t in tensors.items() if n.startswith(f"{view}.")
        }
        blank(source, elastic).load_state_dict(own, strict=True)


def test_a_space_that_does_not_end_in_the_trained_model_is_refused(trained, params):
    source = read_source(trained)
    narrow = params.space.model_copy(update={"hidden": [4, 8]})
    with pytest.raises(InputError, match=r"`search.space.hidden` \(\[4, 8\]\) must end in 16"):
        dimensions(source, narrow)


@pytest.mark.slow
def test_trials_in_ray_find_what_trials_here_find(trained, params):
    both = params.model_copy(update={"workers": 2, "trials": 5, "sampler": "random"})
    search_architectures.fn(both, trained)
    front = json.loads((trained.stage("search") / "front.json").read_text())["front"]
    alone = params.model_copy(update={"trials": 5, "sampler": "random"})
    search_architectures.fn(alone, trained)
    # Proposals of chance do not look at what others found, so both tried the same.
    assert json.loads((trained.stage("search") / "front.json").read_text())["front"] == front
