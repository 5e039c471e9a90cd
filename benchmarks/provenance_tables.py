"""The tables of docs/RESULTS.md that tell of the provenance library."""

from collections.abc import Mapping
from typing import Any

Rows = list[list[str]]


def hashing(results: Mapping[str, Any]) -> Rows:
    """A row a comparison: what was compared, ours, the peer's, and how many times ours it is."""
    rows = [["work", "peer", "ours, s", "peer, s", "peer / ours (range)"]]
    file, tree = results["file"], results["tree"]
    work = f"hash {file['bytes'] >> 20:,} MiB, CPU"
    rows += [
        _line(work, pair, file["costs"], file["costs"], line, "cpu", ours="ours verify")
        for pair, line in file["ratios"].items()
    ]
    first, again = f"record {tree['files']:,} files", "record them again, unchanged"
    for pair, line in tree["ratios"].items():
        ours = pair.split(" / ")[1]
        work = first if ours == "ours first" else again
        rows.append(_line(work, pair, tree["costs"], tree["costs"], line, "wall", ours=ours))
    commands, costs = tree["commands"], tree["costs"]
    for pair, line in tree["command_over_call"].items():
        work = f"{again}; the peer as a command"
        rows.append(_line(work, pair, costs, commands, line, "wall", ours="ours again"))
    for pair, line in tree["command_ratios"].items():
        work = f"{again}; both as processes"
        rows.append(_line(work, pair, commands, commands, line, "wall", ours="ours again"))
    return rows


def log(results: Mapping[str, Any]) -> Rows:
    """A row a figure: what, ours, the peer's, and the ratio."""
    rows = [["work", "ours", "peer", "ours / peer (range)"]]
    rates, ratios = results["rates"]["per_second"], results["rates"]["ratios"]
    names = {"single / fsync": "write and fsync", "single / sqlite_full": "SQLite, a commit each"}
    names["batched / sqlite_batched"] = "SQLite, 1,000 rows a commit"
    for pair, line in ratios.items():
        ours, peer = pair.split(" / ")
        work = "durable appends/s, " + ("one by one" if ours == "single" else "1,000 a batch")
        figures = f"{rates[ours]['median']:,.0f}", f"{names[pair]}: {rates[peer]['median']:,.0f}"
        rows.append([work, *figures, spread(line, 2)])
    size = f"{results['entries']:,} entries"
    for kind, line in results["appends"].items():
        times = f"{line['long']['median']:.1f} ms", f"empty log: {line['empty']['median']:.1f} ms"
        rows.append([f"one append on {size}, {kind}", *times, f"{line['ratio']:.2f}"])
    verified, proofs = results["verify_cpu"], results["proofs"]
    rows.append([f"full verification of {size}, CPU s", spread(verified), "", ""])
    return rows + [
        [f"{name} at {size}, bytes", f"{proofs[f'{name}_bytes']:,}", "", ""]
        for name in ("inclusion", "consistency", "receipt")
    ]


def verify(results: Mapping[str, Any]) -> Rows:
    """A row a way of verifying the released model."""
    rows = [
        ["verification of the released model", "seconds (range)", "entries", "files", "verdicts"]
    ]
    for way, line in results["ways"].items():
        outcomes = ", ".join(f"{name} {outcome}" for name, outcome in line["outcomes"].items())
        size = f"{line['bytes'] / 1e6:,.1f} MB"
        rows.append([way, spread(line["seconds"], 2), f"{line['entries']:,}", size, outcomes])
    return rows


def anchor(results: Mapping[str, Any]) -> Rows:
    """A row a setting: milliseconds of a run."""
    names = {"off": "anchoring off", "hanging": "RPC hangs", "start": "starting the worker alone"}
    rows = [["small tracked run", "ms (range)"]]
    rows += [[names[name], spread(line)] for name, line in results["milliseconds"].items()]
    return [*rows, ["difference of medians", f"{results['difference_ms']:.1f}"]]


def spread(line: Mapping[str, float], digits: int = 1) -> str:
    """`3.1 (2.9 to 3.4)`."""
    low, high = f"{line['low']:.{digits}f}", f"{line['high']:.{digits}f}"
    return f"{line['median']:.{digits}f} ({low} to {high})"


def _line(
    work: str,
    pair: str,
    own_costs: Mapping[str, Any],
    peer_costs: Mapping[str, Any],
    found: Mapping[str, float],
    what: str,
    *,
    ours: str,
) -> list[str]:
    peer = pair.split(" / ")[0]
    seconds = [own_costs[ours][what]["median"], peer_costs[peer][what]["median"]]
    return [work, peer, *(f"{value:.3f}" for value in seconds), spread(found)]


PROVENANCE_TABLES = {
    "provenance_hashing": hashing,
    "provenance_log": log,
    "provenance_verify": verify,
    "provenance_anchor": anchor,
}
