"""A plan as JSON, as a run's settings carry it to the server and to every client, and what the
clients make of it: their mods."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flwr.app import Context, Message
from flwr.clientapp.typing import ClientAppCallable, Mod

from services.federation.repeatable import repeatable

if TYPE_CHECKING:
    from models.federated.plan import Plan

PLAN, INITIAL, RESULTS, CLIENTS, LOOK = "plan", "initial", "results", "clients", "look"
"""Names in a run's settings: the plan as JSON; on the server's host, file of the first weights and
folder of the results; how many clients the federation has; seconds between looks for replies."""


def plan_text(plan: "Plan") -> str:
    """One line of JSON."""
    return json.dumps(asdict(plan), sort_keys=True)


def plan_of(text: str) -> "Plan":
    """From JSON again.

    Raises:
        TypeError, KeyError: a setting is missing or unknown.
    """
    from models.federated.codec import Codec
    from models.federated.devices import Stragglers
    from models.federated.plan import Plan
    from models.federated.selection import Selection
    from models.federated.strategies import StrategySettings

    told: dict[str, Any] = json.loads(text)
    privacy, secure = _protection(told)
    return Plan(
        **{
            **told,
            "strategy": StrategySettings(**told["strategy"]),
            "selection": Selection(**told["selection"]),
            "stragglers": Stragglers(**told["stragglers"]),
            "upload": Codec(**told["upload"]),
            "download": Codec(**told["download"]),
            "privacy": privacy,
            "secure": secure,
        }
    )


def planned(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """A mod that does what the mods of the run's plan do, outermost first.

    The plan comes with the run, after the ClientApp was made.
    """
    for mod in reversed(mods_of(str(context.run_config[PLAN]))):
        call_next = _around(mod, call_next)
    return call_next(message, context)


def mods_of(text: str) -> list[Mod]:
    """What a plan's clients wrap their training in, outermost first.

    What is not asked for is not imported: Flower starts a process for every message.

    Args:
        text: of the plan, as `plan_text` gives it.
    """
    told: dict[str, Any] = json.loads(text)
    found: list[Mod] = []
    if told["secure"] is not None:
        from models.federated.secure import secure_mods

        found += secure_mods()
    else:
        found.append(repeatable)
    if any(told[way]["name"] != "none" for way in ("upload", "download")):
        from models.federated.codec import Codec
        from models.federated.traffic import traffic_mod

        found.append(traffic_mod(Codec(**told["upload"]), Codec(**told["download"])))
    if told["privacy"]["level"] != "none":
        from models.federated.noise import private_mod, source_of

        privacy, secure = _protection(told)
        fewest = 1 if secure is None else secure.threshold
        found.append(private_mod(privacy, source_of(privacy, told["seed"]), share_of=fewest))
    return found


def _protection(told: dict[str, Any]) -> tuple[Any, Any]:
    from models.federated.privacy import Adaptive, Privacy

    level = dict(told["privacy"])
    level["adaptive"] = Adaptive(**level["adaptive"]) if level["adaptive"] else None
    if told["secure"] is None:
        return Privacy(**level), None
    from models.federated.secure import Secure

    return Privacy(**level), Secure(**told["secure"])


def _around(mod: Mod, inner: ClientAppCallable) -> ClientAppCallable:
    return lambda message, context: mod(message, context, inner)
