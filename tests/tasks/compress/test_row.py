"""A row says all that was measured, in JSON, as metrics and as a table."""

import json
from dataclasses import replace

from rich.console import Console

from tasks.compress.machine import Machine
from tasks.compress.probe import Latency, Measured
from tasks.compress.row import Drop, Row, markdown, table

FIRST = Latency(
    batch=1,
    threads=1,
    p50_ms=12.34,
    p99_ms=20.0,
    cpu_p50_ms=11.0,
    cpu_p99_ms=12.0,
    throughput_per_s=80.0,
)
LATER = replace(FIRST, batch=32, threads=2, p50_ms=150.0, throughput_per_s=213.3)
MEASURED = Measured(
    backend="onnx",
    rss_bytes=85_000_000,
    rss_over_bare_bytes=66_000_000,
    cold_start_s=0.51,
    cold_start_cpu_s=0.42,
    latency=(FIRST, LATER),
    view_ms={"text": 0.5},
    fallbacks={"audio": "no bfloat16"},
)
ROW = Row(
    name="aggressive",
    file_bytes=16_000_000,
    compressed_bytes=12_345_678,
    measured=MEASURED,
    accuracy=0.912,
    recall={"speech_to_text": {1: 0.5, 10: 0.75}, "image_to_text": {1: 0.1, 10: 0.2}},
    agreement=0.96,
    worst_class=Drop("plants", 0.041),
    worst_language=Drop("be", -0.01),
    machine=Machine("x86_64", ("avx2",), 2, 2, {"torch": "2.13.0"}),
)


def test_json_gives_back_the_row() -> None:
    plain = json.loads(json.dumps(ROW.plain()))
    assert plain["recall"]["speech_to_text"] == {"r1": 0.5, "r10": 0.75}
    assert plain["machine"]["name"] == "x86_64-avx2-2"
    assert Row.of(plain) == ROW


def test_metrics_have_a_name_each_and_are_numbers() -> None:
    figures = ROW.flat()
    assert all(isinstance(value, float) for value in figures.values())
    # 10 figures of the whole, 5 a latency, 2 depths in 2 directions.
    assert len(figures) == 10 + 2 * 5 + 4
    assert figures["bytes.file"] == 16e6
    assert figures["bytes.compressed"] == 12_345_678
    assert figures["latency.batch1.threads1.p50_ms"] == 12.34
    assert figures["latency.batch32.threads2.throughput_per_s"] == 213.3
    assert figures["speech_to_text.r10"] == 0.75
    assert figures["worst_drop.class"] == 0.041


def test_markdown_has_a_line_a_row() -> None:
    lines = markdown([ROW, replace(ROW, name="light")]).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    cells = dict(
        zip(*(map(str.strip, line.split("|")) for line in (lines[0], lines[2])), strict=True)
    )
    assert cells["file MB"] == "16.00"
    assert cells["packed MB"] == "12.35"
    assert cells["batch 1, 1 thread: p50 / p99 ms"] == "12.3 / 20.0"
    assert cells["batch 32, 2 threads: a second"] == "213.3"
    assert cells["speech R@1 / R@10"] == "0.500 / 0.750"
    # Points of a hundred, signed as a change: a drop is below zero.
    assert (cells["worst class"], cells["worst language"]) == ("plants -4.1", "be +1.0")


def test_a_table_shows_only_latencies_that_all_rows_have() -> None:
    quick = replace(ROW, name="quick", measured=replace(MEASURED, latency=(FIRST,)))
    console = Console(width=400, record=True, file=None, quiet=False, stderr=True)
    console.print(table([ROW, quick], title="Rows"))
    shown = console.export_text()
    assert "batch 1, 1 thread" in shown
    assert "batch 32" not in shown
    assert "quick" in shown


def test_no_rows_are_an_empty_table() -> None:
    assert len(markdown([]).splitlines()) == 2
