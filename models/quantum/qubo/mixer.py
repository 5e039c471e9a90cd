"""The states that QAOA moves among, its start and its mixer, as plain arrays.

Counts that share no variable are never left: a block of which k are 1 starts in its Dicke state
(all C(n, k) states alike) and is mixed by XY rotations on a ring, which swap a 1 and a 0. A free
variable starts in |+> and is mixed by X. What is simulated has C(16, 6) = 8,008 amplitudes where a
register of 16 qubits has 65,536. The energies of all states are computed once (they are the
diagonal of the cost), so that a layer of cost is one product.

Sources: Farhi et al. 2014, https://arxiv.org/abs/1411.4028 (QAOA); Hadfield et al. 2017,
https://arxiv.org/abs/1709.03489 (mixers that keep to constraints); Wang et al. 2019,
https://arxiv.org/abs/1904.09314 (XY mixers).

Shapes: S states, n variables, P layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.answer import RefusedError
from models.quantum.qubo.blocks import Block, Product
from models.quantum.qubo.constraints import row, violation
from models.quantum.qubo.problem import Floats, QuboProblem

Amplitudes = npt.NDArray[np.complex128]
Places = npt.NDArray[np.int64]

BYTES_PER_STATE = 8 * 4 + 16 * 6
"""Energies, their scaled form and two of their temporaries; state, its gradient, temporaries."""
SOFT = 0.3
"""What states that miss a constraint cost more on average, as a share of the range of the feasible
energies. With a sound weight, phases turn so fast that nothing is found among them."""
AT_ONCE = 2**16
"""States whose energies are computed at a time."""


@dataclass(frozen=True, eq=False)
class Move:
    """A rotation exp(-i b (XX + YY) / 2) on a pair of a block, or exp(-i b X) on a free variable.

    Args:
        before, size, after: amplitudes as (before, size, after); the block is the middle axis.
        from_, to: states of the block that the rotation takes into each other.
    """

    before: int
    size: int
    after: int
    from_: Places
    to: Places

    def turn(self, state_S: Amplitudes, cosine: float, sine: float) -> None:
        """In place."""
        view = state_S.reshape(self.before, self.size, self.after)
        one, other = view[:, self.from_], view[:, self.to]
        view[:, self.from_] = cosine * one - 1j * sine * other
        view[:, self.to] = cosine * other - 1j * sine * one

    def between(self, left_S: Amplitudes, right_S: Amplitudes) -> complex:
        """<left| generator |right>."""
        left = left_S.reshape(self.before, self.size, self.after)
        right = right_S.reshape(self.before, self.size, self.after)
        forth = np.vdot(left[:, self.from_], right[:, self.to])
        return complex(forth + np.vdot(left[:, self.to], right[:, self.from_]))


@dataclass(frozen=True, eq=False)
class Space:
    """All states with their costs.

    Args:
        product: which states.
        count: n.
        energies: (S,) of the problem, without penalties.
        feasible: (S,) which states meet the constraints that the product leaves open.
        cost: (S,) what the circuit sees: energies with penalties, shifted and scaled so that the
            feasible states have mean 0 and deviation 1. Angles then mean the same on every problem.
            A budget's penalty is that of the penalty form with its best slack, which needs no slack
            variables here, but at a weight that is not sound (SOFT): answers are checked anyway.
        moves: of the mixer, in order.
    """

    product: Product
    count: int
    energies: Floats
    feasible: npt.NDArray[np.bool_]
    cost: Floats
    moves: tuple[Move, ...]

    @classmethod
    def of(cls, problem: QuboProblem, *, largest: int) -> "Space":
        """Of a problem.

        Args:
            largest: states at most.

        Raises:
            RefusedError: there are more, or they do not fit into memory; says how much they need.
        """
        product = Product.of(problem)
        _check_size(product, len(problem), largest)
        energies, missed = np.empty(product.size), np.zeros(product.size)
        for start in range(0, product.size, AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, product.size))
            x_Bn = product.assignments(rows, len(problem))
            energies[rows] = problem.energies(x_Bn)
            for one in product.left:
                missed[rows] += violation(one, x_Bn @ row(one, problem.names)) ** 2.0
        feasible = missed == 0
        cost = energies + _weight(energies, feasible, missed) * missed
        spread = float(energies[feasible].std())
        scaled = (cost - energies[feasible].mean()) / (spread if spread > 0 else 1.0)
        return cls(product, len(problem), energies, feasible, scaled, _moves(product.blocks))

    def __len__(self) -> int:
        return len(self.energies)

    def start(self) -> Amplitudes:
        """All states alike: Dicke states and |+>."""
        return np.full(len(self), len(self) ** -0.5, np.complex128)

    def run(self, gammas: Floats, betas: Floats) -> Amplitudes:
        """The state after P layers of cost (angles `gammas`) and mixer (`betas`), (S,)."""
        state = self.start()
        for gamma, beta in zip(gammas, betas, strict=True):
            state *= np.exp(-1j * gamma * self.cost)
            for move in self.moves:
                move.turn(state, np.cos(beta), np.sin(beta))
        return state

    def value(self, gammas: Floats, betas: Floats) -> float:
        """Mean cost of what a measurement gives."""
        return float((np.abs(self.run(gammas, betas)) ** 2) @ self.cost)

    def gradient(self, gammas: Floats, betas: Floats) -> tuple[float, Floats, Floats]:
        """Mean cost, and its slopes by the angles: the circuit run backwards once.

        Source: adjoint differentiation, Jones & Gacon 2020, https://arxiv.org/abs/2009.02823.
        """
        state = self.run(gammas, betas)
        value = float((np.abs(state) ** 2) @ self.cost)
        pulled = self.cost * state
        by_gamma, by_beta = np.zeros(len(gammas)), np.zeros(len(betas))
        for layer in reversed(range(len(gammas))):
            cosine, sine = np.cos(betas[layer]), np.sin(betas[layer])
            for move in reversed(self.moves):
                by_beta[layer] += 2 * move.between(pulled, state).imag
                move.turn(state, cosine, -sine)
                move.turn(pulled, cosine, -sine)
            by_gamma[layer] = 2 * np.vdot(pulled, self.cost * state).imag
            back = np.exp(1j * gammas[layer] * self.cost)
            state *= back
            pulled *= back
        return value, by_gamma, by_beta


def _weight(energies: Floats, feasible: npt.NDArray[np.bool_], missed: Floats) -> float:
    if feasible.all():
        return 0.0
    width = float(np.ptp(energies[feasible])) or 1.0
    return SOFT * width / float(missed[~feasible].mean())


def _moves(blocks: Sequence[Block]) -> tuple[Move, ...]:
    found = list[Move]()
    before = 1
    after = int(np.prod([block.size for block in blocks], dtype=np.int64))
    for block in blocks:
        after //= block.size
        if block.k is None:
            found.append(Move(before, 2, after, np.array([0]), np.array([1])))
        else:
            found += [Move(before, block.size, after, *pair) for pair in _ring(block)]
        before *= block.size
    return tuple(found)


def _ring(block: Block) -> list[tuple[Places, Places]]:
    """For neighbours on a ring: states with a 1 and a 0, and those with the two swapped."""
    count = len(block.variables)
    pairs = [(i, (i + 1) % count) for i in range(count if count > 2 else count - 1)]
    found = []
    for i, j in pairs:
        first, second = (np.uint64(1 << (count - 1 - one)) for one in (i, j))
        holds = ((block.codes & first) > 0) & ((block.codes & second) == 0)
        if holds.any():
            swapped = block.codes[holds] ^ (first | second)
            found.append((np.flatnonzero(holds), np.searchsorted(block.codes, swapped)))
    return found


def _check_size(product: Product, count: int, largest: int) -> None:
    import psutil

    needs, free = product.size * BYTES_PER_STATE, psutil.virtual_memory().available
    if product.size > largest or needs > free:
        raise RefusedError(
            f"QAOA: {count} variables have {product.size:.4g} states that meet the counts, which "
            f"need {needs / 1e9:.3g} GB; {free / 1e9:.3g} GB are free and {largest:,} states are "
            "simulated at most: take annealing or tabu, or decide fewer variables at once"
        )
