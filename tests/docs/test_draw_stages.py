"""The drawing in the README is made from dvc.yaml, and is up to date."""

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]

TWO = {
    "stages": {
        "train": {
            "desc": "Learn from <what> was found, in more words than fit on one line of a box",
            "deps": ["data/manifest.parquet", "flows/train.py"],
            "outs": [{"model.safetensors": {"persist": True}}],
            "metrics": [{"metrics.json": {"cache": False}}],
        },
        "ingest": {"desc": "Find", "outs": ["data/manifest.parquet"]},
    }
}


@pytest.fixture(scope="module")
def drawing():
    """docs/ is no package: the script is loaded from its file."""
    spec = importlib.util.spec_from_file_location("draw_stages", PROJECT / "docs/draw_stages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["draw_stages"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["draw_stages"]


def texts(svg, kind):
    root = ET.fromstring(svg)  # noqa: S314  # our own drawing
    return [
        element.text
        for element in root.iter("{http://www.w3.org/2000/svg}text")
        if element.get("class") == kind
    ]


def test_drawing_in_the_readme_is_that_of_dvc_yaml(drawing):
    dvc = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))
    svg = (PROJECT / "docs" / "stages.svg").read_text(encoding="utf-8")
    assert sorted(texts(svg, "name")) == sorted(dvc["stages"])
    fresh = drawing.draw(drawing.read_stages(dvc))
    assert svg == fresh, "dvc.yaml has changed: run `python docs/draw_stages.py`"


def test_stages_come_after_what_they_read(drawing):
    first, second = drawing.read_stages(TWO)
    assert (first.name, second.name) == ("ingest", "train")
    assert second.reads == ("data/manifest.parquet",), "code is no data"
    assert second.writes == ("model.safetensors", "metrics.json")


def test_drawing_holds_names_files_and_words(drawing):
    svg = drawing.draw(drawing.read_stages(TWO))
    assert texts(svg, "name") == ["ingest", "train"]
    assert texts(svg, "file") == [
        "data/manifest.parquet",
        "data/manifest.parquet",
        "model.safetensors",
        "metrics.json",
    ]
    assert " ".join(texts(svg, "desc")) == f"Find {TWO['stages']['train']['desc']}"


def test_stages_in_a_circle_are_refused(drawing):
    circle = {
        "stages": {
            "a": {"desc": "x", "deps": ["two"], "outs": ["one"]},
            "b": {"desc": "y", "deps": ["one"], "outs": ["two"]},
        }
    }
    with pytest.raises(ValueError, match="stages read each other in a circle: a, b"):
        drawing.read_stages(circle)


def test_script_writes_the_file(drawing, tmp_path, capsys):
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(TWO), encoding="utf-8")
    drawing.main(tmp_path / "dvc.yaml", tmp_path / "out.svg")
    assert (tmp_path / "out.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "out.svg" in capsys.readouterr().err
