"""Tables of docs/RESULTS.md that tell of federated audits; the first row of each is its head."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import interval

Rows = list[list[str]]
VIEWS = {"model": "final model", "updates": "each client's updates"}


def robustness(results: Mapping[str, Any]) -> Rows:
    """A row a split and strategy: accuracy clean and under each attack, points lost by the worst,
    and how often the backdoor works."""
    attacks = list(results["factors"])
    head = ["split", "strategy", "clean", *(name.replace("_", " ") for name in attacks)]
    rows = [[*head, "worst, points below clean FedAvg (95%)", "backdoor works (95%)"]]
    for split, strategies in results["splits"].items():
        for name, line in strategies.items():
            cells = [f"{line[one]['accuracy']['mean']:.3f}" for one in ("clean", *attacks)]
            lost = max(
                (line[one]["lost_to_fedavg"] for one in attacks), key=lambda found: found["mean"]
            )
            points = {key: 100 * lost[key] for key in ("mean", "mean_low", "mean_high")}
            works = line["backdoor"]["backdoor"]
            share = {key: min(1.0, max(0.0, works[key])) for key in points}
            rows.append(
                [split, name, *cells, _short(points, 1), _short(share, 2)],
            )
    return rows


def privacy(results: Mapping[str, Any]) -> Rows:
    """A row a size, level, epsilon and view of the guesser."""
    head = ["clients", "level", "epsilon", "noise", "accuracy (95%)", "the guesser sees"]
    rows = [[*head, "canary AUC (95%)", "right guesses", "epsilon at least"]]
    for line in results["lines"]:
        claim = "none" if line["epsilon"] is None else f"{line['epsilon']:g}"
        noise = f"{line['noise_multiplier']:.3g}"
        start = [f"{line['clients']:,}", line["level"], claim, noise]
        for view, found in line["canary"].items():
            guesses = f"{found['correct']} of {found['guesses']}"
            bound = f"{found['epsilon_at_least']:.2f}"
            cells = [interval(line["accuracy"], "mean"), VIEWS[view], interval(found, "auc")]
            rows.append([*start, *cells, guesses, bound])
    return rows


def inversions(results: Mapping[str, Any]) -> Rows:
    """A row a level and noise: how like the reconstruction is to the client's row."""
    rows = [["level", "noise", "epsilon a round", "one upload: cosine, MSE", "mean: cosine, MSE"]]
    for line in results["inversion"]:
        spent = line["epsilon_a_round"]
        cells = [
            f"{line[view]['cosine']:.3f}, {line[view]['mse']:.2g}" for view in ("upload", "mean")
        ]
        claim = "none" if spent is None else f"{spent:,.3g}"
        rows.append([line["level"], f"{line['noise_multiplier']:g}", claim, *cells])
    guess = results["inversion"][0]["guess"]
    text = f"{guess['cosine']:.3f}, {guess['mse']:.2g}"
    return [*rows, ["no update, a mean picture", "", "", text, text]]


def _short(line: Mapping[str, float], digits: int) -> str:
    low, high = line["mean_low"], line["mean_high"]
    return f"{line['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


FEDERATED_AUDIT_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "federated_robustness": robustness,
    "federated_privacy": privacy,
    "federated_inversion": inversions,
}
"""By marker of the page; `federated_inversion` looks at the results of federated_privacy."""
