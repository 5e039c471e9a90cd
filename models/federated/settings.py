"""From plain settings, as params.yaml or a run's configuration has them, to a plan."""

from collections.abc import Mapping
from typing import Any

from models.federated.codec import Codec
from models.federated.devices import Stragglers
from models.federated.plan import Plan
from models.federated.privacy import Adaptive, Privacy, refusals
from models.federated.secure import Secure
from models.federated.selection import Selection
from models.federated.strategies import STRATEGIES, StrategySettings

AUTO = "auto"


def plan_of(settings: Mapping[str, Any], *, strategy: str, most_examples: int) -> Plan:
    """The plan.

    Args:
        settings: plain values, named as in `federate` of params.yaml.
        strategy: its name, where the settings leave it to a tournament.
        most_examples: of any client; secure aggregation must know.
    """
    told = {**settings["strategy"], "name": strategy}
    privacy, stragglers = _privacy(settings["privacy"]), settings["stragglers"]
    secure = None
    if privacy.secure:
        secure = Secure(
            reach=settings["privacy"]["reach"],
            threshold=settings["privacy"]["threshold"],
            most_examples=1 if privacy.noisy else most_examples,
        )
    return Plan(
        rounds=settings["rounds"],
        seed=settings["seed"],
        rate=settings["local"]["learning_rate"],
        strategy=StrategySettings(**told),
        selection=_selection(settings["selection"]),
        privacy=privacy,
        stragglers=Stragglers(**stragglers),
        upload=_codec(settings["upload"]),
        download=_codec(settings["download"]),
        secure=secure,
        timeout=settings["timeout_seconds"],
        patience=settings["patience"],
    )


def contradictions(settings: Mapping[str, Any]) -> list[str]:
    """Why these settings cannot be combined; empty where they can."""
    privacy, chosen = _privacy(settings["privacy"]), settings["strategy"]["name"]
    names = [one["name"] for one in settings["tournament"]["candidates"]]
    found = []
    for name in names if chosen == AUTO else [chosen]:
        assert name in STRATEGIES, name  # noqa: S101  # the type of the section allows no other
        found += refusals(
            privacy,
            name,
            _selection(settings["selection"]),
            _codec(settings["upload"]),
            stragglers=settings["stragglers"]["policy"],
        )
    if privacy.level != "none" and chosen == AUTO:
        found.append(
            f"{privacy.level} with strategy auto: the tournament's rounds would not be accounted "
            "for; name the strategy"
        )
    return found


def _privacy(told: Mapping[str, Any]) -> Privacy:
    adaptive = told["adaptive"] and Adaptive(**told["adaptive"])
    names = ("level", "clip", "noise_multiplier", "epsilon", "delta", "noise")
    return Privacy(**{name: told[name] for name in names}, adaptive=adaptive)


def _selection(told: Mapping[str, Any]) -> Selection:
    return Selection(
        policy=told["policy"],
        fraction=told["fraction"],
        least=told["least"],
        poisson=told["sampling"] == "poisson",
    )


def _codec(told: Mapping[str, Any]) -> Codec:
    return Codec(told["codec"], share=told["share"], rank=told["rank"])
