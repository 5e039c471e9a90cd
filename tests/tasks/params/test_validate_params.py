"""Bounds that cannot hold are refused, in terms of params.yaml."""

import pytest
from pydantic import ValidationError

from tasks.params.validate import ValidateParams

GOOD = {
    "min_rows": 200,
    "class_share": {"min": 0.005, "max": 0.5},
    "seconds": {"min": 0.1, "max": 30.0},
    "image_side": {"min": 8, "max": 4096},
    "min_quality": 0.05,
    "max_missing": 0.05,
}


def test_good_bounds():
    assert ValidateParams.model_validate(GOOD).image_side.max == 4096


@pytest.mark.parametrize("name", ["class_share", "seconds", "image_side"])
def test_bounds_in_the_wrong_order(name):
    low, high = GOOD[name]["max"], GOOD[name]["min"]
    wrong = {**GOOD, name: {"min": low, "max": high}}
    message = rf"`validate\.{name}\.min` \({low}\) must be below `validate\.{name}\.max` \({high}\)"
    with pytest.raises(ValidationError, match=message):
        ValidateParams.model_validate(wrong)


@pytest.mark.parametrize(
    ("change", "location"),
    [
        ({"min_rows": 0}, ("min_rows",)),
        ({"min_rows": "200"}, ("min_rows",)),
        ({"min_quality": float("nan")}, ("min_quality",)),
        ({"max_missing": 1.5}, ("max_missing",)),
        ({"seconds": {"min": 0.1, "max": float("inf")}}, ("seconds", "max")),
        ({"class_share": {"min": 0.1}}, ("class_share", "max")),
        ({"min_row": 3}, ("min_row",)),
    ],
)
def test_wrong_values_are_refused_by_name(change, location):
    with pytest.raises(ValidationError) as caught:
        ValidateParams.model_validate({**GOOD, **change})
    assert [error["loc"] for error in caught.value.errors()] == [location]
