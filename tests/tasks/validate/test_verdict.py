"""The verdict file and the error message."""

import json

import pytest

from tasks.errors import CheckFailed
from tasks.validate import examine, expect
from tasks.validate.docs import Examination
from tasks.validate.suite import Suite
from tasks.validate.verdict import Finding, Verdict

HOLDS = Finding("clips", "each id is given once", True, "0 of 36 rows break this")
FAILS = Finding(
    "clips", "quality is given for each row", False, "2 of 36 rows break this", ("a", "b")
)


def test_file_is_the_same_whatever_the_order_of_the_findings(tmp_path):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    Verdict("ab" * 32, 36, (HOLDS, FAILS)).write(one)
    Verdict("ab" * 32, 36, (FAILS, HOLDS)).write(other)
    assert one.read_bytes() == other.read_bytes()
    assert json.loads(one.read_text()) == {
        "expectations": {
            "clips: each id is given once": {
                "observed": "0 of 36 rows break this",
                "passed": True,
            },
            "clips: quality is given for each row": {
                "observed": "2 of 36 rows break this",
                "passed": False,
            },
        },
        "manifest": "ab" * 32,
        "passed": False,
        "rows": 36,
    }


def test_a_good_verdict_lets_pass():
    Verdict("ab" * 32, 36, (HOLDS,)).require(docs="there", set_aside="here")


def test_the_error_names_what_failed_and_where_to_look():
    with pytest.raises(CheckFailed) as caught:
        Verdict("ab" * 32, 36, (HOLDS, FAILS)).require(docs="run 1", set_aside="set_aside.jsonl")
    assert str(caught.value) == (
        "the manifest fails 1 of 2 expectations:\n"
        "  clips: quality is given for each row: 2 of 36 rows break this, such as a; b\n"
        "Look at the Data Docs: run 1. Rows that ingest refused: set_aside.jsonl. Mend the source "
        "and run again, or change the bounds in params.yaml, section `validate`."
    )


def test_an_expectation_that_cannot_be_computed_is_a_failure(good, tmp_path):
    examination = Examination(tmp_path)
    examination.run(Suite("clips", good, "id", [expect.between("colour", 0, 1)]))
    (finding,) = examination.findings
    assert not finding.passed
    assert "could not be checked" in finding.observed
    assert 'The column "colour" in BatchData does not exist' in finding.observed
    assert "Traceback" not in finding.observed


def test_the_same_manifest_gives_the_same_bytes(good_verdict, good, bounds, known, tmp_path):
    again = examine(good.copy(), "ab" * 32, bounds, known, tmp_path)
    assert again.json() == good_verdict.json()
