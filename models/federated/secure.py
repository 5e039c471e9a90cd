"""Secure aggregation: the server learns the sum of the clients' updates and no single one.

Flower's SecAgg+ (Bell et al. 2020, https://arxiv.org/abs/2002.08018), whose workflow and client mod
still speak its older API; this file translates on both sides. What is masked is the update, not the
weights: it is small, so that the grid of integers is fine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flwr.app import ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.client.mod import secaggplus_mod
from flwr.clientapp.typing import ClientAppCallable, Mod
from flwr.common import (
    Code,
    FitIns,
    FitRes,
    Parameters,
    Status,
    ndarrays_to_parameters,
    parameters_to_ndarrays,
)
from flwr.compat.common import recorddict_compat as compat
from flwr.server import LegacyContext, ServerConfig
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD, Key
from flwr.serverapp import Grid

from models.federated.around import Listed
from models.federated.arrays import Arrays, arrays_of, record_of, subtract
from models.federated.client import ARRAYS, CONFIG, METRICS, partition_of
from models.federated.fold import WEIGHT
from models.federated.seeds import mix

MODULUS = 1 << 32
"""Of Flower's masked integers."""


@dataclass(frozen=True)
class Secure:
    """How updates are masked.

    Args:
        reach: largest absolute value of a coordinate of an update; larger ones are cut off.
        threshold: clients that must stay to the end, or the round yields nothing.
        most_examples: upper bound of a client's weight.
        levels: of the grid between -reach and reach.
    """

    reach: float
    threshold: int
    most_examples: int
    levels: int = 1 << 22


def secure_mods() -> list[Mod]:
    """Flower's mod and, inside it, the translation; they go outermost."""
    return [secaggplus_mod, _translate]


def _translate(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """The reply in the form that Flower's mod masks: the update, and its weight."""
    reply = call_next(message, context)
    if reply.has_error():
        return reply
    sent, config = arrays_of(message.content[ARRAYS]), message.content[CONFIG]  # unpacked by now
    update = subtract(arrays_of(reply.content[ARRAYS]), sent)
    if not all(np.isfinite(value).all() for value in update.values()):
        raise ValueError("the update is not finite: masked, it would spoil the sum unseen")
    result = FitRes(
        status=Status(code=Code.OK, message=""),
        parameters=ndarrays_to_parameters(list(update.values())),
        num_examples=int(reply.content[METRICS][WEIGHT]),
        metrics={},
    )
    # Flower rounds to its grid by NumPy's global generator; keys and masks have their own source.
    drawn = mix(int(config["seed"]), "round", int(config["server-round"]), partition_of(context))
    np.random.seed(drawn % 2**32)
    return Message(compat.fitres_to_recorddict(result, keep_input=False), reply_to=message)


def aggregate(
    grid: Grid, messages: list[Message], weights: Arrays, secure: Secure, *, timeout: float | None
) -> tuple[list[Message], Mapping[int, int]]:
    """Run the protocol over what a strategy wants to send.

    Args:
        grid: reaches the clients.
        messages: one for each client, as the strategy configured them.
        weights: what the clients train from, as they have it after unpacking.
        secure: settings.
        timeout: in seconds, for each of the four steps.

    Returns:
        at most one message, with the weights moved by the mean update, and the weight of every
        client whose update is in it; nothing where too few stayed.
    """
    plan = _Plan(messages, weights)
    state = RecordDict()
    context = LegacyContext(
        context=Context(run_id=1, node_id=1, node_config={}, state=state, run_config={}),
        config=ServerConfig(num_rounds=1),
        strategy=plan,
    )
    context.state[MAIN_PARAMS_RECORD] = compat.parameters_to_arrayrecord(Parameters([], ""), True)
    context.state[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: 1})
    workflow = _Workflow(
        messages,
        num_shares=1.0,  # every client shares its keys with every other
        reconstruction_threshold=secure.threshold,
        max_weight=float(secure.most_examples),
        clipping_range=secure.reach,
        quantization_range=secure.levels,
        timeout=timeout,
    )
    workflow(Listed(grid), context)
    return plan.outcome()


class _Workflow(SecAggPlusWorkflow):
    """Flower's, sending our messages where it would send its older instructions."""

    def __init__(self, messages: list[Message], **settings: Any) -> None:
        super().__init__(**settings)
        self.content = {m.metadata.dst_node_id: m.content for m in messages}

    def share_keys_stage(self, grid: Grid, context: Any, state: Any) -> bool:
        """As Flower's; then whoever left is forgotten, as no one holds shares of its key."""
        done = bool(super().share_keys_stage(grid, context, state))
        here = state.active_node_ids
        state.sampled_node_ids = set(here)
        state.nid_to_neighbours = {n: state.nid_to_neighbours[n] & here for n in here}
        return done

    def collect_masked_vectors_stage(self, grid: Grid, context: Any, state: Any) -> bool:
        """As Flower's."""
        state.nid_to_fitins = self.content
        return bool(super().collect_masked_vectors_stage(grid, context, state))


@dataclass(frozen=True)
class _Proxy:
    """A client, as the workflow knows it."""

    node_id: int


class _Plan:
    """What the workflow takes for a strategy: hands it our messages, keeps its result."""

    def __init__(self, messages: list[Message], weights: Arrays) -> None:
        self.messages, self.weights = messages, weights
        self.mean: list[np.ndarray] | None = None
        self.who: dict[int, int] = {}

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
        del server_round, parameters, client_manager
        nothing = FitIns(Parameters([], ""), {})
        return [(_Proxy(m.metadata.dst_node_id), nothing) for m in self.messages]

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> Any:
        del server_round, failures
        self.who = {proxy.node_id: result.num_examples for proxy, result in results}
        if results:
            self.mean = parameters_to_ndarrays(results[0][1].parameters)
        return None, {}

    def outcome(self) -> tuple[list[Message], dict[int, int]]:
        if self.mean is None:
            return [], {}
        moved = {
            name: (value + step.astype(np.float32)).astype(np.float32)
            for (name, value), step in zip(self.weights.items(), self.mean, strict=True)
        }
        content = RecordDict(
            {ARRAYS: record_of(moved), METRICS: MetricRecord({WEIGHT: sum(self.who.values())})}
        )
        return [Message(content=content, metadata=self.messages[0].metadata)], self.who
