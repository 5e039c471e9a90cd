"""Train every head with every seed, and keep what is done should the run be stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from torch import nn

from models.quantum.controls import MATCHED, count, linear_probe, matched_head
from models.quantum.fit import Fitted, Training, answers, best_rate, fit_head
from models.quantum.head import HeadConfig, QuantumHead
from models.quantum.verdict import Role, Scored
from tasks.params.quantum import QuantumParams
from tasks.progress import say
from tasks.quantum.source import Source
from tasks.resume import Resume

QUANTUM, UNENTANGLED, LINEAR, BACKBONE = "quantum", "unentangled", "linear", "model"


@dataclass(frozen=True)
class Entrant:
    """A kind of head.

    Args:
        name: of it.
        role: what it is here for.
        make: a new one from a seed.
    """

    name: str
    role: Role
    make: Callable[[int], nn.Module]


@dataclass(frozen=True)
class Contest:
    """What came out.

    Args:
        scored: every kind of head, and the frozen model's own answers.
        quantum: the trained quantum heads, seed by seed.
        config: of them.
    """

    scored: tuple[Scored, ...]
    quantum: tuple[Fitted, ...]
    config: HeadConfig

    @property
    def chosen(self) -> int:
        """Place of the quantum head with the lowest validation loss."""
        return int(np.argmin([fitted.loss for fitted in self.quantum]))

    @property
    def chosen_head(self) -> QuantumHead:
        return cast(QuantumHead, self.quantum[self.chosen].head)

    @property
    def cost(self) -> float:
        """CPU time of training the quantum head by that of the best matched classical one."""
        classical = [head for head in self.scored if head.role == "classical"]
        best = max(classical, key=lambda head: float(head.validation.mean()))
        ours = next(head for head in self.scored if head.role == "quantum")
        return float(np.median(ours.cpu_seconds) / np.median(best.cpu_seconds))


def entrants(config: HeadConfig) -> list[Entrant]:
    """The quantum head and its opponents."""
    features, classes = config.features, config.classes
    parameters = count(QuantumHead(config, seed=0))

    def matched(kind: Any) -> Entrant:
        def make(seed: int) -> nn.Module:
            return matched_head(
                kind, features=features, classes=classes, parameters=parameters, seed=seed
            )

        return Entrant(kind, "classical", make)

    apart = config.without_entanglement()
    return [
        Entrant(QUANTUM, "quantum", lambda seed: QuantumHead(config, seed=seed)),
        *(matched(kind) for kind in MATCHED),
        Entrant(UNENTANGLED, "unentangled", lambda seed: QuantumHead(apart, seed=seed)),
        Entrant(
            LINEAR,
            "linear",
            lambda seed: linear_probe(features=features, classes=classes, seed=seed),
        ),
    ]


def compete(
    source: Source,
    config: HeadConfig,
    params: QuantumParams,
    resume: Resume,
    *,
    on_head: Callable[[Entrant, int, Fitted, float], None],
) -> Contest:
    """Train all heads.

    Args:
        source: embeddings.
        config: of the quantum head.
        params: of the stage.
        resume: what is done is kept there, head by head.
        on_head: hears of each trained head: entrant, seed, result, test accuracy.

    Raises:
        ValueError: a gradient is not a finite number.
    """
    how = Training(
        epochs=params.training.epochs,
        batch_size=params.training.batch_size,
        weight_decay=params.training.weight_decay,
        rates=tuple(params.training.rates),
    )
    done: dict[str, Any] = resume.read() or {}
    if done:
        say(f"going on after {len(done)} steps of an interrupted run")
    scored, quantum = [], []
    for entrant in entrants(config):
        fitted = _trained(source, entrant, how, params, done, resume)
        right = np.stack(
            [(answers(one.head, source.test.x) == source.test.y).numpy() for one in fitted]
        )
        for place, one in enumerate(fitted):
            on_head(entrant, params.seed + place, one, float(right[place].mean()))
        scored.append(
            Scored(
                name=entrant.name,
                role=entrant.role,
                parameters=count(fitted[0].head),
                validation=np.array([one.accuracy for one in fitted]),
                right=right,
                cpu_seconds=np.array([one.cpu_seconds for one in fitted]),
            )
        )
        if entrant.role == "quantum":
            quantum = fitted
        say(
            f"{entrant.name}: {scored[-1].parameters:,} parameters, validation accuracy "
            f"{scored[-1].validation.mean():.3f} over {len(fitted)} seeds, learning rate "
            f"{fitted[0].rate:g}"
        )
    return Contest((*scored, _backbone(source)), tuple(quantum), config)


def _trained(
    source: Source,
    entrant: Entrant,
    how: Training,
    params: QuantumParams,
    done: dict[str, Any],
    resume: Resume,
) -> list[Fitted]:
    """One entrant with all its seeds; what is done is not done again."""
    if (key := f"{entrant.name} rate") not in done:
        after = params.seed + params.training.seeds  # used for nothing else
        done[key] = best_rate(entrant.make, source.train, source.validation, how, seed=after)
        resume.write(done)
    found = []
    for place in range(params.training.seeds):
        seed = params.seed + place
        head = entrant.make(seed)
        if (state := done.get(f"{entrant.name} {seed}")) is not None:
            found.append(_again(head, state))
            continue
        fitted = fit_head(head, source.train, source.validation, how, rate=done[key], seed=seed)
        done[f"{entrant.name} {seed}"] = _state(fitted)
        resume.write(done)
        found.append(fitted)
    return found


def _state(fitted: Fitted) -> dict[str, Any]:
    plain = {name: value for name, value in vars(fitted).items() if name != "head"}
    return {**plain, "weights": fitted.head.state_dict()}


def _again(head: nn.Module, state: Mapping[str, Any]) -> Fitted:
    head.load_state_dict(state["weights"])
    rest = {name: value for name, value in state.items() if name != "weights"}
    return Fitted(head=head.eval(), **rest)


def _backbone(source: Source) -> Scored:
    """The frozen model's own answers: no seed, nothing trained here."""
    return Scored(
        name=BACKBONE,
        role="backbone",
        parameters=source.backbone_parameters,
        validation=np.array([source.backbone_validation]),
        right=source.backbone[None],
        cpu_seconds=np.zeros(1),
    )
