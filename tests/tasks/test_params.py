"""params.yaml: each wrong key or value is an error naming file, key, value and what is allowed."""

import re
from pathlib import Path

import pytest

from tasks.errors import InputError
from tasks.params import Params, load_params, parse_params

TEXT = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, f"{old!r} must stand once in params.yaml"
    return TEXT.replace(old, new)


def test_the_projects_own_file_is_valid():
    params = parse_params(TEXT)
    assert params.ingest.source == "stamps"
    assert "animals" in params.ingest.labels


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  source: stamps ",
            "  sorce: stamps ",
            r"params.yaml: unknown key `ingest.sorce` \(value 'stamps'\); allowed here: .*source.*"
            r"did you mean `source`\?",
        ),
        (
            "  source: stamps ",
            "  source: stamp ",
            r"`ingest.source` is 'stamp'; allowed is 'stamps'",
        ),
        (
            "  max_set_aside: 0.02",
            "  max_set_aside: 2.0",
            r"`ingest.max_set_aside` is 2.0; allowed is less",
        ),
        ("  max_set_aside: 0.02", "  max_set_aside: 2e-2", r"is '2e-2'.*write 3.0e-4"),
        ("  min_groups_per_label: 5", "", r"key `ingest.min_groups_per_label` is missing"),
        ("validate:\n", "validat:\n", r"unknown key `validat`.*did you mean `validate`\?"),
        (
            "  min_rows: 200",
            "  min_rows: 200\n  min_rows: 3",
            r"line \d+: key `min_rows` is given twice",
        ),
        ("    clips_per_class: 40", "    clips: 40", r"`ingest.digits.clips`.*clips_per_class"),
    ],
)
def test_wrong_file_is_one_clear_error(old, new, message):
    with pytest.raises(InputError, match=message):
        parse_params(changed(old, new))


def test_all_errors_are_told_at_once():
    text = changed("  source: stamps ", "  source: stamp ").replace(
        "max_set_aside: 0.02", "max_set_aside: x"
    )
    with pytest.raises(InputError) as error:
        parse_params(text)
    assert len(str(error.value).splitlines()) == 2


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "params.yaml"))):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML"), ("- 1", "must hold sections")]
)
def test_what_is_no_params_file_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_params(text)


def test_types_have_no_defaults_and_are_closed():
    """A default in Python would be a change that DVC does not see."""
    seen = []

    def walk(model):
        for name, field in model.model_fields.items():
            assert field.is_required(), f"{model.__name__}.{name} has a default"
            seen.append(name)
            for kind in [field.annotation, *getattr(field.annotation, "__args__", ())]:
                if hasattr(kind, "model_fields"):
                    assert kind.model_config["extra"] == "forbid"
                    assert kind.model_config["frozen"]
                    assert kind.model_config["strict"]
                    walk(kind)

    walk(Params)
    assert "max_set_aside" in seen
