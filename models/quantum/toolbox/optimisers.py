"""One call for five ways to minimise the cost of a circuit.

`adam`, `spsa`, `rotosolve` and `qng` (quantum natural gradient) are PennyLane's, `lbfgs` scipy's.

A symmetric start is a trap for all of them: where all angles are alike, a step keeps them alike and
ends on a saddle between two minima, where every gradient is 0. So what was found is pushed by a
little noise and the descent goes on from there, until that brings nothing (Jin et al. 2017,
https://arxiv.org/abs/1703.00887). `escapes` counts the times that it did.
Shapes: P parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pennylane as qml
import scipy.optimize
from numpy.typing import ArrayLike, NDArray
from pennylane import numpy as pnp

from models.quantum.toolbox.checks import at_least, one_of

Values = NDArray[np.float64]
Cost = Callable[[Any], Any]
"""(P,) to a number; differentiable by autograd, as a QNode is, or given with a gradient."""
WithGradient = Callable[[Values], tuple[float, Values]]

PUSH = 0.1
"""Standard deviation of the noise that leads off a saddle, in radians."""
GAIN = 1e-6
"""A push counts where it lowers the cost by more than this."""
ESCAPES = 3
STILL = 1e-7
"""A gradient shorter than this has arrived."""
RATES = {"adam": 0.1, "qng": 0.1}


@dataclass(frozen=True)
class Minimum:
    """What was found.

    Args:
        values: of the parameters (P,).
        cost: there.
        trace: cost before each step of the descent that led there, then the last; of `spsa`,
            which does not look between its steps, the last alone.
        calls: of the cost, those for gradients included; a metric tensor is not counted.
        escapes: how often a push off a stationary point led lower.
    """

    values: Values
    cost: float
    trace: tuple[float, ...]
    calls: int
    escapes: int


@dataclass
class _Task:
    cost: Cost
    with_gradient: WithGradient | None
    steps: int
    rate: float
    frequencies: Sequence[int]
    rng: np.random.Generator
    calls: int = 0
    trace: list[float] = field(default_factory=list)

    def at(self, values: Any) -> Any:
        self.calls += 1
        return self.cost(values)

    def value(self, values: Values) -> float:
        found = float(self.at(_fixed(values)))
        if not np.isfinite(found):
            raise ValueError(
                f"cost is {found} after {len(self.trace)} steps: "
                "check the circuit, or take a smaller rate"
            )
        return found

    def slope(self, values: Values) -> tuple[float, Values]:
        """Cost and gradient."""
        self.calls += 1
        if self.with_gradient is None:
            made = qml.grad(self.cost)
            found, cost = made(pnp.array(values, requires_grad=True)), made.forward
        else:
            cost, found = self.with_gradient(values)
        slope = np.asarray(found, np.float64)
        if not np.isfinite(slope).all() or not np.isfinite(float(cost)):
            raise ValueError(
                f"cost {float(cost)} or its gradient is not finite after {len(self.trace)} steps: "
                "check the circuit, or take a smaller rate"
            )
        return float(cost), slope


def minimise(
    cost: Cost,
    start: ArrayLike,
    *,
    method: str = "lbfgs",
    steps: int = 200,
    rate: float | None = None,
    with_gradient: WithGradient | None = None,
    frequencies: int | Sequence[int] = 1,
    escape: bool = True,
    seed: int = 0,
) -> Minimum:
    """Look for the parameters with the lowest cost.

    Args:
        cost: of parameters (P,); for `qng` a QNode.
        start: where to begin, (P,).
        method: one of METHODS.
        steps: at most, for each descent; `rotosolve` counts sweeps over all parameters.
        rate: step size of `adam` and `qng`; scale of the first step of `spsa`, which has its own
            if none is given.
        with_gradient: gives the cost and its gradient (P,), where autograd shall not make it.
        frequencies: for `rotosolve`, how many a parameter has in the cost: 1 for a rotation, as
            many as there are rotations that share it, 2 for a controlled rotation.
        escape: push what was found off saddles; costs one descent more.
        seed: of the pushes and of SPSA's directions.

    Raises:
        ValueError: the method is not known, the start is no vector of finite numbers, the rate is
            not above 0, `qng` got no QNode, or cost or gradient are not finite.
    """
    one_of(method, tuple(METHODS), "optimiser")
    at_least(steps, 1, "steps")
    first = np.array(start, np.float64)
    if first.ndim != 1 or not first.size or not np.isfinite(first).all():
        raise ValueError(f"start of shape {first.shape}: give one vector of finite numbers")
    if method == "qng" and not isinstance(cost, qml.QNode):
        raise ValueError("optimiser 'qng' needs a QNode as cost: the metric is that of its state")
    many = [frequencies] * first.size if isinstance(frequencies, int) else frequencies
    if len(many) != first.size or min(many) < 1:
        raise ValueError(f"frequencies={frequencies}: give one of at least 1 for each parameter")
    if rate is not None and not rate > 0:
        raise ValueError(f"rate={rate}: give a step size above 0")
    rng = np.random.default_rng(seed)
    task = _Task(cost, with_gradient, steps, rate or RATES.get(method, 0.0), many, rng)
    values, best = _descend(task, method, first)
    trace, escapes = tuple(task.trace), 0
    while escape and method != "spsa" and escapes < ESCAPES:
        pushed, lower = _descend(task, method, values + PUSH * rng.standard_normal(first.size))
        if lower > best - GAIN:
            break
        values, best, trace = pushed, lower, tuple(task.trace)
        escapes += 1
    return Minimum(values, best, trace, task.calls, escapes)


def _descend(task: _Task, method: str, start: Values) -> tuple[Values, float]:
    task.trace.clear()
    values = METHODS[method](task, start)
    cost = task.value(values)
    task.trace.append(cost)
    return values, cost


def _lbfgs(task: _Task, start: Values) -> Values:
    task.trace.append(task.value(start))
    found = scipy.optimize.minimize(
        task.slope,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: task.trace.append(float(intermediate_result.fun)),
        options={"maxiter": task.steps, "ftol": 1e-15, "gtol": STILL},
    )
    return np.asarray(found.x, np.float64)


def _stepwise(task: _Task, start: Values, optimiser: Any, **more: Any) -> Values:
    values = pnp.array(start, requires_grad=True)
    for _ in range(task.steps):
        known = _Known(*task.slope(values))
        if np.linalg.norm(known.slope) < STILL:
            break
        task.trace.append(known.forward)
        values = optimiser.step(task.cost, values, grad_fn=known, **more)
    return np.asarray(values, np.float64)


@dataclass(frozen=True)
class _Known:
    """What PennyLane takes for a gradient function that has just run."""

    forward: float
    slope: Values

    def __call__(self, *_: Any) -> Values:
        return self.slope


def _adam(task: _Task, start: Values) -> Values:
    return _stepwise(task, start, qml.AdamOptimizer(task.rate))


def _qng(task: _Task, start: Values) -> Values:
    metric = qml.metric_tensor(task.cost, approx="block-diag")
    return _stepwise(task, start, qml.QNGOptimizer(task.rate), metric_tensor_fn=metric)


def _rotosolve(task: _Task, start: Values) -> Values:
    optimiser = qml.RotosolveOptimizer()
    known = {"values": {(i,): many for i, many in enumerate(task.frequencies)}}

    def cost(values: Any) -> Any:  # PennyLane looks the parameter up by its name
        return task.at(values)

    values = pnp.array(start, requires_grad=True)
    for _ in range(task.steps):
        values, before = optimiser.step_and_cost(cost, values, nums_frequency=known)
        if task.trace and task.trace[-1] - before < GAIN**2:
            break
        task.trace.append(float(before))
    return np.asarray(values, np.float64)


class _SeededSPSA(qml.SPSAOptimizer):
    """PennyLane's, with directions from a generator of its own instead of numpy's global one."""

    def __init__(self, rng: np.random.Generator, steps: int, first: float | None) -> None:
        super().__init__(maxiter=steps, a=first)
        self.rng = rng

    def compute_grad(self, objective_fn: Cost, args: Any, kwargs: Any) -> tuple[Values]:
        (values,) = args
        width = self.c / self.k**self.gamma
        signs = self.rng.choice([-1.0, 1.0], size=values.shape)
        above, below = (objective_fn(values + side * width * signs, **kwargs) for side in (1, -1))
        return (float(above - below) / (2 * width) * signs,)


def _spsa(task: _Task, start: Values) -> Values:
    optimiser = _SeededSPSA(task.rng, task.steps, task.rate or None)
    values = pnp.array(start, requires_grad=True)
    for _ in range(task.steps):
        values = optimiser.step(task.at, values)
    return np.asarray(values, np.float64)


def _fixed(values: Values) -> Any:
    return pnp.array(values, requires_grad=False)


METHODS: dict[str, Callable[[_Task, Values], Values]] = {
    "adam": _adam,
    "lbfgs": _lbfgs,
    "spsa": _spsa,
    "rotosolve": _rotosolve,
    "qng": _qng,
}
