"""The federate stage: rounds over clients that keep their data, each round saved and logged."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from safetensors.torch import save_file

from models.federated.devices import DeviceGrid, Profile
from models.federated.grid import LocalGrid
from models.federated.judging import ask
from models.federated.multimodal import MultimodalLearner, weights_of
from models.federated.plan import Part, Plan, Round, StalledError
from models.federated.server import Server
from models.federated.settings import AUTO, plan_of
from models.federated.strategies import StrategySettings
from models.federated.tournament import tournament, why
from models.multimodal import Multimodal
from provenance import Artifact
from tasks.errors import CheckFailed, InputError
from tasks.federate.audits import show_audits
from tasks.federate.card import federated_card
from tasks.federate.engine import Field
from tasks.federate.facts import telling
from tasks.federate.figures.rounds import curves_figure, fairness_figure, timeline_figure
from tasks.federate.fleet import draw, read_kinds
from tasks.federate.live import show
from tasks.federate.outcome import Own, finished, judged, personalised
from tasks.federate.record import as_text, log_round
from tasks.federate.source import Source, clients_of, read_federated
from tasks.federate.state import Rounds, states_from, states_of
from tasks.params.federate import FederateParams
from tasks.params.train import TrainParams
from tasks.progress import say
from tasks.tracked import TrackedRun, tracked_run
from tasks.train.evaluate import Evaluation, headline_figures
from tasks.train.fit import reproducible
from tasks.workspace import Workspace

CODE = "1"
"""Raise it whenever a change here changes what a round does: no run goes on across it."""
NOT_RESULT = ("workers", "timeout_seconds", "audit")
"""Settings that change no byte of the rounds."""


@dataclass
class Told:
    """What the rounds brought, for the files and pictures at the end."""

    rounds: list[dict[str, Any]]
    spent: list[dict[str, Any]]


@task(cache_policy=NO_CACHE)  # no retry: the rounds go on by themselves
def federate_model(params: FederateParams, train: TrainParams, workspace: Workspace) -> Artifact:
    """Train across clients, compare with the centralised model.

    Args:
        params: `federate` of params.yaml.
        train: objective, and how test rows are judged.
        workspace: where everything lives.

    Returns:
        the global model, model.safetensors.

    Raises:
        InputError: settings that no run can have: too few clients, an unknown device file, a
            budget that one round would overdraw.
        CheckFailed: too many rounds in a row came to nothing.
        TamperedError: something upstream was changed after it was logged.
    """
    logging.getLogger("flwr").setLevel(logging.ERROR)  # a round is told in one line of our own
    source = read_federated(workspace)
    kinds = read_kinds(workspace.root / params.devices)
    with tracked_run("federate", params, inputs=source.inputs, workspace=workspace) as run:
        with reproducible(1):
            clients = clients_of(source, params, train)
            profiles = draw(kinds, len(clients), params.seed)
            model = source.blank(params.seed)
            field = Field(telling(clients, profiles, source, params, model), profiles, params)
            plan = _plan(run, params, field, model)
            decides = _decides(params, train, source, profiles, plan)
            rounds = Rounds.of(workspace, decides)
            server, told = _rounds(run, plan, field, model, rounds, workspace)
            made = finished(source, server.arrays, clients, params, train)
            found = judged(source, made, train)
            own = personalised(source, made, server.arrays, clients, params)
        metrics = _metrics(found, own, server, told, source)
        _summarise(run, metrics, server)
        _pictures(run, told, own, clients, profiles)
        if params.audit:
            show_audits(run, plan)
        art = _publish(run, workspace, made, metrics, told, profiles, server)
    rounds.clear()
    say(_last_line(metrics))
    return art


def _plan(run: TrackedRun, params: FederateParams, field: Field, model: Multimodal) -> Plan:
    """The plan; with the winner's strategy where a tournament decides."""
    settings = params.model_dump()
    name = params.strategy.name
    most = max(client.examples for client in field.clients)
    first = params.tournament.candidates[0].name if name == AUTO else name
    plan = plan_of(settings, strategy=first, most_examples=most)
    _check(plan, len(field.clients))
    if name != AUTO:
        return plan
    shared = {k: v for k, v in settings["strategy"].items() if k not in ("name", "server_rate")}
    candidates = [
        StrategySettings(**one.model_dump(), **shared) for one in params.tournament.candidates
    ]
    tried = tournament(
        plan,
        weights_of(model),
        candidates,
        lambda: field.plain(plan),
        clients=len(field.clients),
        rounds=params.tournament.rounds,
        on_done=lambda one: say(f"tournament: {one.strategy.name}: loss {one.loss:.3f}"),
    )
    reason = why(tried, params.tournament.rounds)
    say(f"strategy auto: {reason}")
    run.tag("federate.strategy", reason)
    run.page("tournament.json", _json([{**asdict(one)} for one in tried]))
    winner = tried[0].strategy
    settings["strategy"] = asdict(winner)
    return plan_of(settings, strategy=winner.name, most_examples=most)


def _check(plan: Plan, clients: int) -> None:
    """Settings that only the number of clients shows to be wrong."""
    try:
        server = Server(plan, {}, clients=clients)
    except ValueError as error:
        raise InputError(f"`federate`: {error}") from error
    if server.accountant is not None and not server.accountant.affordable(1):
        cost = server.accountant.epsilon(1)
        raise InputError(
            f"`federate.privacy.epsilon` ({plan.privacy.epsilon:g}) is spent before the first "
            f"round ends, which costs {cost:.3g}: raise noise_multiplier or epsilon"
        )
    if plan.secure is not None and plan.secure.threshold >= clients:
        raise InputError(
            f"`federate.privacy.threshold` ({plan.secure.threshold}) must be below the number of "
            f"clients ({clients}), or no one may drop out"
        )


def _decides(
    params: FederateParams,
    train: TrainParams,
    source: Source,
    profiles: Sequence[Profile],
    plan: Plan,
) -> dict[str, Any]:
    return {
        "code": CODE,
        "flwr": version("flwr"),
        "params": {k: v for k, v in params.model_dump(mode="json").items() if k not in NOT_RESULT},
        "train": train.model_dump(mode="json"),
        "inputs": [artifact.digest for artifact in source.inputs],
        "profiles": [asdict(profile) for profile in profiles],
        "strategy": asdict(plan.strategy),
    }


def _rounds(
    run: TrackedRun,
    plan: Plan,
    field: Field,
    model: Multimodal,
    rounds: Rounds,
    workspace: Workspace,
) -> tuple[Server, Told]:
    initial = weights_of(model)
    local, grid = field.grid(plan, parameters=sum(value.size for value in initial.values()))
    told = Told([], [])

    def on_round(found: Round) -> None:
        show(run, found, plan.rounds)
        if server.decided:
            run.page(f"selection/round_{found.number}.json", _json(server.decided))
        told.rounds.append(_plain(found))
        told.spent += [asdict(one) | {"seconds": one.seconds} for one in grid.spent]
        grid.spent.clear()
        memory = {
            "server": server.memory(),
            "clients": states_of(local.states),
            "told": asdict(told),
            "random": {"seed": plan.seed, "round": found.number},
        }
        saved = rounds.write(found.number, memory)
        log_round(
            workspace, run.run_id, found, saved, rounds=plan.rounds, privacy=_statement(server)
        )
        rounds.forget_before(found.number)

    server = Server(
        plan, initial, clients=len(field.clients), on_round=on_round, reachable=grid.reachable
    )
    if (memory := rounds.read()) is not None:
        server.remember(memory["server"])
        local.states = states_from(memory["clients"])
        told.rounds, told.spent = memory["told"]["rounds"], memory["told"]["spent"]
        say(f"going on after round {server.progress.round} of an interrupted run")
    try:
        server.run(grid)
    except StalledError as error:
        raise CheckFailed(f"federated rounds stalled: {error}") from error
    _last_answers(run, server, grid, local)
    return server, told


def _last_answers(run: TrackedRun, server: Server, grid: DeviceGrid, local: LocalGrid) -> None:
    """What the clients say of the final weights; nothing is asked where noise protects them."""
    del grid
    if server.plan.privacy.level != "none":
        return
    answers = ask(local, server.known.values(), server.arrays, timeout=server.plan.timeout)
    final = {
        f"final.{name}.{figure}": value
        for name, figures in answers.items()
        for figure, value in figures.items()
        if figure != "num-examples"
    }
    if final:
        run.metrics(final, step=server.progress.round)


def _statement(server: Server) -> dict[str, Any] | None:
    if server.accountant is None:
        return None
    return server.accountant.statement(server.progress.noisy_rounds)


def _plain(found: Round) -> dict[str, Any]:
    def part(one: Part) -> dict[str, Any]:
        return asdict(one)

    return {
        "round": found.number,
        "clients": [part(one) for one in found.parts],
        "events": [event.plain() for event in found.events],
        "metrics": found.metrics,
        "bytes_up": found.bytes_up,
        "bytes_down": found.bytes_down,
        "epsilon": found.epsilon,
    }


def _metrics(
    found: Evaluation, own: Sequence[Own], server: Server, told: Told, source: Source
) -> dict[str, Any]:
    central = source.central
    fused, theirs = found.metrics["fused"]["accuracy"], central["fused"]["accuracy"]
    r10 = found.metrics["retrieval"].get("speech_to_text", {}).get("r10")
    their_r10 = central["retrieval"].get("speech_to_text", {}).get("r10")
    seconds: dict[int, float] = {}
    for one in told.spent:
        seconds[one["round"]] = max(seconds.get(one["round"], 0.0), one["seconds"])
    taken = [server.progress.taken.get(client.partition, 0) for client in _known(server)]
    return {
        **found.metrics,
        "federated": {
            "rounds": server.progress.round,
            "strategy": server.plan.strategy.name,
            "clients": server.clients,
            "bytes_up": sum(one["bytes_up"] for one in told.rounds),
            "bytes_down": sum(one["bytes_down"] for one in told.rounds),
            "events": sum(len(one["events"]) for one in told.rounds),
            "field_seconds": sum(seconds.values()),
            "least_rounds_of_a_client": min(taken, default=0),
            "accuracy_of_centralised": fused / theirs if theirs else 0.0,
            **({"r10_of_centralised": r10 / their_r10} if r10 and their_r10 else {}),
        },
        "clients": [one.plain() for one in own],
        **({"privacy": statement} if (statement := _statement(server)) else {}),
    }


def _known(server: Server) -> list[Any]:
    return sorted(server.known.values(), key=lambda client: client.partition)


def _summarise(run: TrackedRun, metrics: Mapping[str, Any], server: Server) -> None:
    judged_parts = {
        k: v for k, v in metrics.items() if k not in ("federated", "clients", "privacy")
    }
    run.summary(headline_figures(judged_parts))
    numbers = {k: float(v) for k, v in metrics["federated"].items() if not isinstance(v, str)}
    run.summary({f"federated.{name}": value for name, value in numbers.items()})
    accuracies = [one["accuracy"] for one in metrics["clients"]]
    if accuracies:
        run.summary({"federated.worst_client_accuracy": min(accuracies)})
    if (statement := _statement(server)) is not None:
        run.summary({"privacy.epsilon": statement["epsilon"], "privacy.delta": statement["delta"]})
        run.note("privacy", as_text(statement))
        run.page("privacy.json", _json(statement))


def _pictures(
    run: TrackedRun,
    told: Told,
    own: Sequence[Own],
    clients: Sequence[MultimodalLearner],
    profiles: Sequence[Profile],
) -> None:
    from models.federated.devices import Spent

    spent = [Spent(**{k: v for k, v in one.items() if k != "seconds"}) for one in told.spent]
    names, kinds = [one.name for one in clients], [one.kind for one in profiles]
    if run.curves:
        run.picture("rounds.png", curves_figure(run.curves))
    if spent:
        run.picture("timeline.png", timeline_figure(spent, names, kinds))
    if own:
        run.picture("clients.png", fairness_figure([one.plain() for one in own]))


def _publish(
    run: TrackedRun,
    workspace: Workspace,
    model: Multimodal,
    metrics: Mapping[str, Any],
    told: Told,
    profiles: Sequence[Profile],
    server: Server,
) -> Artifact:
    folder = workspace.stage("federate")
    tensors = {name: value.contiguous() for name, value in sorted(model.state_dict().items())}
    lines = "".join(json.dumps(one, sort_keys=True) + "\n" for one in told.rounds)
    fleet = [asdict(profile) for profile in profiles]
    card = federated_card(metrics, server.plan, server.events)
    for name, text in (
        ("metrics.json", _json(metrics)),
        ("rounds.jsonl", lines),
        ("devices.json", _json(fleet)),
        ("model_card.md", card),
    ):
        run.publish(folder / name, lambda path, text=text: _write(path, text))  # type: ignore[misc]
    run.page("model_card.md", card)
    return run.publish(folder / "model.safetensors", lambda path: save_file(tensors, path))


def _last_line(metrics: Mapping[str, Any]) -> str:
    of = metrics["federated"]
    return (
        f"federated model after {of['rounds']} rounds of {of['clients']} clients: accuracy "
        f"{metrics['fused']['accuracy']:.3f}, {of['accuracy_of_centralised']:.1%} of the "
        "centralised model's; mlruns/stages/federate, `cairn federate status`"
    )


def _json(values: Any) -> str:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
