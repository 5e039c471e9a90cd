"""Write the tables of docs/RESULTS.md from docs/results/*.json, so that no figure is typed by hand.

python -m benchmarks.results        # after the benchmarks; a test holds the page against the files
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.compression_tables import COMPRESSION_TABLES
from benchmarks.federated_audit_tables import FEDERATED_AUDIT_TABLES
from benchmarks.federated_stamps_tables import STAMPS_TABLES
from benchmarks.federated_tables import PAPER_TABLES, SCALE_TABLES
from benchmarks.provenance_tables import PROVENANCE_TABLES
from benchmarks.quantum_algorithms_tables import ALGORITHM_TABLES, BIG_TABLES
from benchmarks.quantum_published_tables import PUBLISHED_TABLES
from benchmarks.quantum_qubo_tables import QUBO_TABLES
from benchmarks.quantum_speed_tables import SPEED_TABLES
from benchmarks.quantum_tables import NOISE_TABLES, QUANTUM_TABLES
from benchmarks.search_tables import SEARCH_TABLES
from benchmarks.table import RESULTS, interval

PAGE = RESULTS.parent / "RESULTS.md"
DEPTHS = (1, 5, 10)


def accuracy(results: Mapping[str, Any]) -> list[list[str]]:
    """A row an input: accuracy, spread over folds, macro-F1, untouched groups, gain."""
    rows = [["input", "accuracy (95%)", "folds ±", "macro-F1", "untouched", "gain (95%) over"]]
    for name, line in results["methods"].items():
        gain = f"{interval(line, 'gain')} {line['against']}" if "gain" in line else ""
        cells = [f"{line[key]:.3f}" for key in ("fold_deviation", "macro_f1", "untouched")]
        rows.append([name, interval(line, "accuracy"), *cells, gain])
    return rows


def retrieval(results: Mapping[str, Any]) -> list[list[str]]:
    """A row a direction and method: candidates and recalls."""
    rows = [["query to target", "method", "candidates", *(f"R@{depth}" for depth in DEPTHS)]]
    for direction, methods in results["directions"].items():
        for method, line in methods.items():
            recalls = [interval(line, f"r{depth}") for depth in DEPTHS]
            rows.append(
                [direction.replace("_", " "), method, f"{line['candidates']:.0f}", *recalls]
            )
    return rows


def training_cost(results: Mapping[str, Any]) -> list[list[str]]:
    """A row a loop: throughput and memory, and the ratio."""
    rows = [["loop", "clips/s (median)", "peak MiB (median)"]]
    for name, line in results["methods"].items():
        rows.append([name, f"{line['clips_per_second']:.0f}", f"{line['peak_mib']:.0f}"])
    return [*rows, ["ours / trainer", f"{results['speed']:.2f}", f"{results['memory']:.2f}"]]


TABLES: dict[str, Callable[[Mapping[str, Any]], list[list[str]]]] = {
    "accuracy": accuracy,
    "retrieval": retrieval,
    "training_cost": training_cost,
    **PROVENANCE_TABLES,
    **SEARCH_TABLES,
    **COMPRESSION_TABLES,
    **PAPER_TABLES,
    **SCALE_TABLES,
    **FEDERATED_AUDIT_TABLES,
    **STAMPS_TABLES,
    **QUANTUM_TABLES,
    **NOISE_TABLES,
    **SPEED_TABLES,
    **PUBLISHED_TABLES,
    **ALGORITHM_TABLES,
    **BIG_TABLES,
    **QUBO_TABLES,
}
SHARED = {
    "compression_targets": "compression",
    "compression_dominance": "compression",
    "federated_inversion": "federated_privacy",
    "federated_fedprox": "federated_papers",
    "federated_pfedme": "federated_papers",
    "federated_quadratics": "federated_papers",
    "federated_scale_aims": "federated_scale",
    "federated_traffic": "federated",
    **dict.fromkeys(QUANTUM_TABLES, "quantum"),
    **dict.fromkeys(PUBLISHED_TABLES, "quantum_published"),
    **dict.fromkeys(ALGORITHM_TABLES, "quantum_algorithms"),
    "quantum_qubo_depths": "quantum_qubo",
    "quantum_speed_aims": "quantum_speed",
    "quantum_qubo_transfer": "quantum_qubo",
}
"""Tables that look at the results of another one."""


def filled(page: str) -> str:
    """The page with every table between its markers made anew."""
    for name, table in TABLES.items():
        file = RESULTS / f"{SHARED.get(name, name)}.json"
        results = json.loads(file.read_text(encoding="utf-8"))
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = page.partition(start)
        page = before + start + markdown(table(results)) + end + rest.partition(end)[2]
    return page


def markdown(rows: list[list[str]]) -> str:
    """A Markdown table; the first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
