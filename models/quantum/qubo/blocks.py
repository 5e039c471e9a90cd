"""Assignments that meet what can be counted: blocks of which exactly k are 1, and free variables.

Constraints "exactly k" and "one of" that share no variable make the set of assignments a product:
C(16, 6) = 8,008 in place of 2^16 = 65,536. Budgets, and what overlaps, are left to be checked.

Shapes: n variables, d states of a block, S states of a product.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.constraints import AtMost, Bits, Constraint
from models.quantum.qubo.problem import QuboProblem

WIDEST = 62
"""Variables of a block whose states are listed as 64-bit integers."""


@dataclass(frozen=True)
class Block:
    """Variables that are counted together.

    Args:
        variables: their places in the problem, rising.
        k: how many of them are 1; None for a single free variable.
    """

    variables: tuple[int, ...]
    k: int | None

    @property
    def size(self) -> int:
        """d, without listing them."""
        return 2 if self.k is None else math.comb(len(self.variables), self.k)

    @cached_property
    def codes(self) -> npt.NDArray[np.uint64]:
        """(d,) states as integers, rising; the first variable is the most significant bit."""
        if self.k is None:
            return np.array([0, 1], np.uint64)
        return _subsets(len(self.variables), self.k)

    def bits(self, codes: npt.NDArray[np.uint64]) -> Bits:
        """States of this block as zeros and ones, (len(codes), variables of the block)."""
        shifts = np.arange(len(self.variables) - 1, -1, -1, dtype=np.uint64)
        found: Bits = ((codes[:, None] >> shifts) & np.uint64(1)).astype(np.int8)
        return found


@dataclass(frozen=True)
class Product:
    """All combinations of the blocks' states.

    Args:
        blocks: they hold every variable once.
        left: constraints that combinations may still miss.
    """

    blocks: tuple[Block, ...]
    left: tuple[Constraint, ...]

    @classmethod
    def of(cls, problem: QuboProblem) -> "Product":
        """Of a problem: its countable constraints first come, first served."""
        place = {name: i for i, name in enumerate(problem.names)}
        blocks, left = list[Block](), list[Constraint]()
        taken: set[int] = set()
        for constraint in problem.constraints:
            own = tuple(sorted(place[name] for name in constraint.variables))
            if isinstance(constraint, AtMost) or taken & set(own):
                left.append(constraint)
                continue
            blocks.append(Block(own, constraint.k))
            taken |= set(own)
        blocks += [Block((i,), None) for i in range(len(problem)) if i not in taken]
        return cls(tuple(sorted(blocks, key=lambda block: block.variables)), tuple(left))

    @property
    def size(self) -> int:
        """S."""
        return math.prod(block.size for block in self.blocks)

    def assignments(self, rows: npt.NDArray[np.int64], count: int) -> Bits:
        """States by their number, (len(rows), n): the last block changes fastest.

        Args:
            rows: numbers from 0 to S - 1.
            count: n.
        """
        found = np.zeros((len(rows), count), np.int8)
        rest = rows
        for block in reversed(self.blocks):
            rest, own = np.divmod(rest, block.size)
            found[:, list(block.variables)] = block.bits(block.codes[own])
        return found


def halves(blocks: Sequence[Block]) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Blocks in two groups whose numbers of states are close: the largest go first."""
    groups: tuple[list[Block], list[Block]] = ([], [])
    sizes = [1, 1]
    for block in sorted(blocks, key=lambda one: (-one.size, one.variables)):
        smaller = 0 if sizes[0] <= sizes[1] else 1
        groups[smaller].append(block)
        sizes[smaller] *= block.size
    return tuple(groups[0]), tuple(groups[1])


def _subsets(count: int, k: int) -> npt.NDArray[np.uint64]:
    """Integers of `count` bits of which k are 1, rising."""
    if count > WIDEST:
        raise ValueError(f"a block of {count} variables: at most {WIDEST} are listed")
    # rows[j]: subsets of the lowest bits with j ones; a bit more doubles them, as in Pascal's rule.
    rows = [np.zeros(1, np.uint64)] + [np.zeros(0, np.uint64) for _ in range(k)]
    for bit in range(count):
        high = np.uint64(1 << bit)
        rows = [rows[0]] + [np.concatenate([rows[j], rows[j - 1] | high]) for j in range(1, k + 1)]
    return rows[k]
