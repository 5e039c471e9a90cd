"""Strategies by name. Those that Flower has are Flower's own; ours stand beside them in one table.

Sources: FedAvg https://arxiv.org/abs/1602.05629, FedAvgM https://arxiv.org/abs/1909.06335, FedProx
https://arxiv.org/abs/1812.06127, SCAFFOLD https://arxiv.org/abs/1910.06378, FedNova
https://arxiv.org/abs/2007.07481, FedAdam, FedYogi and FedAdagrad https://arxiv.org/abs/2003.00295,
median and trimmed mean https://arxiv.org/abs/1803.01498, Krum and Multi-Krum
https://arxiv.org/abs/1703.02757, Bulyan https://arxiv.org/abs/1802.07927.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flwr.serverapp.strategy import (
    FedAdagrad,
    FedAdam,
    FedAvg,
    FedAvgM,
    FedMedian,
    FedProx,
    FedTrimmedAvg,
    FedYogi,
    Krum,
    MultiKrum,
)

from models.federated.bulyan import FastBulyan
from models.federated.fednova import FedNova
from models.federated.scaffold import Scaffold


@dataclass(frozen=True)
class StrategySettings:
    """A strategy and what its family needs; settings of other families are not looked at.

    Args:
        name: a key of STRATEGIES.
        server_rate: step of the server's optimiser (FedAvgM, SCAFFOLD: 1 takes the mean as it is;
            FedAdam, FedYogi, FedAdagrad: eta).
        momentum: FedAvgM's.
        beta_1, beta_2, tau: moments and floor of the adaptive ones.
        mu: FedProx's pull.
        trimmed: share of values cut at each end of the trimmed mean.
        malicious: clients that robust strategies expect to be hostile.
        selected: updates that Multi-Krum averages.
    """

    name: str
    server_rate: float = 1.0
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.99
    tau: float = 1e-3
    mu: float = 0.1
    trimmed: float = 0.2
    malicious: int = 1
    selected: int = 5


@dataclass(frozen=True)
class Kind:
    """What must be known of a strategy.

    Args:
        make: from settings and number of clients.
        mean: it sees the clients' updates through their weighted mean alone. Only such strategies
            keep the guarantees of central DP and of secure aggregation.
        least: clients it needs, from the number of hostile ones.
        memory: attributes that it carries from round to round.
        records: array records that travel each way.
    """

    make: Callable[[StrategySettings, int], FedAvg]
    mean: bool
    least: Callable[[StrategySettings], int] = lambda _: 1
    memory: tuple[str, ...] = ()
    records: int = 1


ALL = {"fraction_train": 1.0, "fraction_evaluate": 1.0, "min_available_nodes": 1}
"""The server chooses the clients (models/federated/selection.py); Flower takes all of those."""
ONE = {"min_train_nodes": 1, "min_evaluate_nodes": 1, **ALL}

ADAPTIVE = ("m_t", "v_t")


def _adaptive(cls: type[FedAdam] | type[FedYogi]) -> Kind:
    return Kind(
        lambda s, _: cls(**ONE, eta=s.server_rate, beta_1=s.beta_1, beta_2=s.beta_2, tau=s.tau),
        mean=True,
        memory=ADAPTIVE,
    )


STRATEGIES: dict[str, Kind] = {
    "fedavg": Kind(lambda _, __: FedAvg(**ONE), mean=True),
    "fedprox": Kind(lambda s, _: FedProx(**ONE, proximal_mu=s.mu), mean=True),
    "fedavgm": Kind(
        lambda s, _: FedAvgM(**ONE, server_learning_rate=s.server_rate, server_momentum=s.momentum),
        mean=True,
        memory=("momentum_vector",),
    ),
    "fedadam": _adaptive(FedAdam),
    "fedyogi": _adaptive(FedYogi),
    "fedadagrad": Kind(
        lambda s, _: FedAdagrad(**ONE, eta=s.server_rate, tau=s.tau), mean=True, memory=ADAPTIVE
    ),
    "scaffold": Kind(
        lambda s, clients: Scaffold(clients=clients, server_rate=s.server_rate, **ONE),
        mean=False,
        memory=("control",),
        records=2,
    ),
    "fednova": Kind(lambda _, __: FedNova(**ONE), mean=False),
    "median": Kind(lambda _, __: FedMedian(**ONE), mean=False),
    "trimmed_mean": Kind(
        lambda s, _: FedTrimmedAvg(**ONE, beta=s.trimmed), mean=False, least=lambda _: 2
    ),
    "krum": Kind(
        lambda s, _: Krum(**ONE, num_malicious_nodes=s.malicious),
        mean=False,
        least=lambda s: 2 * s.malicious + 3,
    ),
    "multi_krum": Kind(
        lambda s, _: MultiKrum(
            **ONE, num_malicious_nodes=s.malicious, num_nodes_to_select=s.selected
        ),
        mean=False,
        least=lambda s: 2 * s.malicious + 3,
    ),
    "bulyan": Kind(
        lambda s, _: FastBulyan(**ONE, num_malicious_nodes=s.malicious),
        mean=False,
        least=lambda s: 4 * s.malicious + 3,
    ),
}

ROBUST = ("median", "trimmed_mean", "krum", "multi_krum", "bulyan")


def build_strategy(settings: StrategySettings, *, clients: int) -> FedAvg:
    """The strategy of that name.

    Raises:
        ValueError: the name is unknown, or there are fewer clients than the strategy needs.
    """
    if settings.name not in STRATEGIES:
        raise ValueError(f"strategy {settings.name!r}: allowed are {', '.join(STRATEGIES)}")
    kind = STRATEGIES[settings.name]
    if clients < (least := kind.least(settings)):
        raise ValueError(
            f"strategy {settings.name} with malicious={settings.malicious} needs at least {least} "
            f"clients, there are {clients}: lower `malicious` or take another strategy"
        )
    return kind.make(settings, clients)
