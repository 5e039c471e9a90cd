from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tasks.params.ingest import IngestParams

PARAMS = Path(__file__).resolve().parents[3] / "params.yaml"


def section(**changes: Any) -> dict[str, Any]:
    return yaml.safe_load(PARAMS.read_text())["ingest"] | changes


def test_the_projects_section_is_valid() -> None:
    params = IngestParams.model_validate(section())
    assert params.source == "stamps"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"split": {"train": 0.7, "val": 0.1, "test": 0.1}},
            r"`ingest.split.train` \(0.7\), .* must add up to 1.0, not 0.9",
        ),
        ({"split": {"train": 1.0, "val": 0.0, "test": 0.0}}, "less than 1"),
        ({"labels": ["a", "b", "a"]}, "`ingest.labels` lists 'a' twice"),
        ({"languages": ["fr", "fr"]}, "`ingest.languages` lists 'fr' twice"),
        (
            {"extra_labels": ["animals"]},
            "'animals' is in both `ingest.labels` and `ingest.extra_labels`",
        ),
        ({"labels": ["a"]}, "at least 2"),
        ({"labels": ["a", " b"]}, "should match pattern"),
        ({"languages": [False]}, "valid string"),
        ({"languages": ["French"]}, "should match pattern"),
        ({"source": "web"}, "'stamps', 'folder' or 'digits'"),
        ({"min_groups_per_label": 2}, "greater than or equal to 3"),
        ({"max_set_aside": 1.5}, "less than or equal to 1"),
        ({"seed": 1.0}, "valid integer"),
        (
            {
                "stamps": {
                    "deb": None,
                    "version": "-o",
                    "sha256": "0" * 64,
                    "allow_other_version": False,
                }
            },
            "pattern",
        ),
        (
            {
                "stamps": {
                    "deb": None,
                    "version": "1",
                    "sha256": "abc",
                    "allow_other_version": False,
                }
            },
            "pattern",
        ),
        ({"sed": 3}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        IngestParams.model_validate(section(**changes))
