from typing import Any

from provenance import Reason

from .conftest import Bench


def source(entry: int | None, record: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {"path": record["path"], "blake3": record["blake3"], **more}
    return made if entry is None else made | {"entry": entry}


def test_lineage_that_holds(bench: Bench) -> None:
    data = bench.put("data")
    bench.log_run("ingest", data)
    outside = {"path": "x.deb", "blake3": "0" * 64}
    bench.log_run(
        "train", inputs=[source(0, data), source(None, data), source(None, outside, kept=False)]
    )
    assert bench.verify().ok


def test_lineage_gaps(bench: Bench) -> None:
    data = bench.put("data")
    bench.log_run("ingest", data)
    bench.open().append({"kind": "failure", "id": "f", "artifacts": [data]})
    other = data | {"blake3": "0" * 64}
    inputs = [
        (source(0, other), "but entry 0 does not hold it with blake3 00000000..."),
        (source(0, data | {"path": "elsewhere"}), "but entry 0 does not hold it"),
        (source(1, data), "but entry 1 does not hold it"),  # a failure vouches for nothing
        (source(5, data), "logged in entry 5, which is not earlier"),  # itself
        (source(99, data), "logged in entry 99, which is not earlier"),
        (source(None, other), "which no earlier entry holds with blake3 00000000..."),
        (source(None, other, kept=True), "which no earlier entry holds"),
    ]
    for i, (record, _) in enumerate(inputs):
        bench.log_run(f"r{i}", inputs=[record])
    bench.log_run("later", bench.put("late"))
    report = bench.verify()
    assert [finding.entry for finding in report.findings] == [2, 3, 4, 5, 6, 7, 8]
    for finding, (_, message) in zip(report.findings, inputs, strict=True):
        assert finding.reason is Reason.LINEAGE_GAP
        assert message in finding.message
    assert report.checks["lineage"] == "failed"
    assert report.checks["artifacts"] == "ok"


def test_an_entry_cannot_be_made_from_itself_or_from_what_comes_later(bench: Bench) -> None:
    a, b = bench.put("a"), bench.put("b")
    bench.log_run("one", a, inputs=[source(1, b)])
    bench.log_run("two", b, inputs=[source(0, a)])
    bench.log_run("self", bench.put("c"), inputs=[source(2, bench.put("c"))])
    found = [(finding.reason, finding.entry) for finding in bench.verify().findings]
    gap, cycle = Reason.LINEAGE_GAP, Reason.LINEAGE_CYCLE
    assert found == [(gap, 0), (cycle, 1), (gap, 2), (cycle, 2)]


def test_attack_35_a_cycle(bench: Bench) -> None:
    """Three entries whose inputs all exist, and yet the first was made from what came of it."""
    a, b, c = bench.put("a"), bench.put("b"), bench.put("c")
    bench.log_run("one", a)
    bench.log_run("two", b, inputs=[source(0, a)])
    bench.log_run("three", c, inputs=[source(1, b)])
    assert bench.verify().ok
    bench.log_run("four", a, inputs=[source(2, c)])
    [found] = bench.verify().findings
    assert (found.reason, found.entry, found.path) == (Reason.LINEAGE_CYCLE, 3, "a")
    assert "entry 3 made a with blake3" in found.message
    assert "that entry 1 made from it" in found.message


def test_a_stage_that_makes_the_same_again_is_no_cycle(bench: Bench) -> None:
    a, b = bench.put("a"), bench.put("b")
    for name in ("first", "second"):
        seq = bench.log_run(f"{name}-ingest", a).seq
        bench.log_run(f"{name}-train", b, inputs=[source(seq, a)])
    assert bench.verify().ok
