"""The gates a circuit may use, under PennyLane's own names, as batched torch matrices.

Wire 0 of a gate is the most significant bit of its matrix. Conventions (signs, half angles, global
phases) are PennyLane's, https://docs.pennylane.ai/en/stable/introduction/operations.html; textbook
matrices are in Nielsen & Chuang, Quantum Computation and Quantum Information, section 4.2.
"""

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

HALF = math.sqrt(0.5)


@dataclass(frozen=True)
class Gate:
    """A unitary by name.

    Args:
        wires: how many it acts on.
        params: how many real parameters P it takes.
        build: (..., P) real parameters -> (..., 2^w, 2^w) complex matrices; a fixed gate has one
            matrix whatever the batch.
        phases: of a diagonal gate: row r is multiplied by exp(i sum_p phases[r][p] params[p]).
        sources: of a gate that permutes basis states: row r comes from row sources[r].
    """

    wires: int
    params: int
    build: Callable[[Tensor], Tensor]
    phases: tuple[tuple[float, ...], ...] | None = None
    sources: tuple[int, ...] | None = None


def gate(name: str, wires: int) -> Gate:
    """The gate of that name, on that many wires where it has no number of its own.

    Raises:
        ValueError: there is none; names those that are spelt alike.
    """
    if name in OF_ANY_SIZE:
        return OF_ANY_SIZE[name](wires)
    if name in GATES:
        return GATES[name]
    names = [*GATES, *OF_ANY_SIZE]
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names
    raise ValueError(f"gate={name!r}: there is none of that name, use e.g. {', '.join(close)}")


def matrix(name: str, params: Tensor, wires: int = 1) -> Tensor:
    """Matrices (..., 2^w, 2^w) of a gate for parameters (..., P); complex of the same precision."""
    return gate(name, wires).build(params).to(params.dtype.to_complex())


def _square(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(list(row), -1) for row in rows], -2)


def _fixed(*rows: Sequence[complex]) -> Gate:
    entries = [list(row) for row in rows]
    size = len(entries).bit_length() - 1
    return Gate(
        size, 0, lambda params: torch.tensor(entries, dtype=torch.complex128, device=params.device)
    )


def _permuting(*sources: int) -> Gate:
    rows = [[complex(column == source) for column in range(len(sources))] for source in sources]
    fixed = _fixed(*rows)
    return Gate(fixed.wires, 0, fixed.build, sources=sources)


def _diagonal(*phases: Sequence[float]) -> Gate:
    table = tuple(tuple(float(value) for value in row) for row in phases)

    def build(params: Tensor) -> Tensor:
        angles = params @ params.new_tensor(table).T
        return torch.diag_embed(torch.polar(torch.ones_like(angles), angles))

    return Gate(len(table).bit_length() - 1, len(table[0]), build, phases=table)


def _controlled(inner: Gate) -> Gate:
    """The gate under one more wire, which comes first: identity, then the gate's own block."""

    def build(params: Tensor) -> Tensor:
        block = inner.build(params)
        return _on_block(block, start=block.shape[-1], size=2 * block.shape[-1])

    return Gate(inner.wires + 1, inner.params, build)


def _in_the_middle(inner: Gate) -> Gate:
    """A gate of one qubit on the span of 01 and 10; 00 and 11 stay."""
    return Gate(2, inner.params, lambda params: _on_block(inner.build(params), start=1, size=4))


def _on_block(block: Tensor, *, start: int, size: int) -> Tensor:
    after = size - start - block.shape[-1]
    padded = torch.nn.functional.pad(block, (start, after, start, after))
    ends = [float(not start <= at < start + block.shape[-1]) for at in range(size)]
    return padded + torch.diag(block.new_tensor(ends))


def _halves(params: Tensor, at: int = 0) -> tuple[Tensor, Tensor]:
    return torch.cos(params[..., at] / 2), torch.sin(params[..., at] / 2)


def _phase(angle: Tensor) -> Tensor:
    return torch.complex(torch.cos(angle), torch.sin(angle))


def _rx(params: Tensor) -> Tensor:
    cos, sin = _halves(params)
    none = torch.zeros_like(cos)
    real, imaginary = torch.complex(cos, none), torch.complex(none, -sin)
    return _square([[real, imaginary], [imaginary, real]])


def _ry(params: Tensor) -> Tensor:
    cos, sin = _halves(params)
    real = _square([[cos, -sin], [sin, cos]])
    return torch.complex(real, torch.zeros_like(real))


def _rot(params: Tensor) -> Tensor:
    """RZ(omega) RY(theta) RZ(phi) for (phi, theta, omega)."""
    cos, sin = _halves(params, 1)
    total = (params[..., 0] + params[..., 2]) / 2
    apart = (params[..., 0] - params[..., 2]) / 2
    sum_cos, sum_sin = torch.cos(total) * cos, torch.sin(total) * cos
    gap_cos, gap_sin = torch.cos(apart) * sin, torch.sin(apart) * sin
    real = _square([[sum_cos, -gap_cos], [gap_cos, sum_cos]])
    return torch.complex(real, _square([[-sum_sin, -gap_sin], [-gap_sin, sum_sin]]))


def _u2(params: Tensor) -> Tensor:
    quarter = torch.full_like(params[..., :1], math.pi / 2)
    return _u3(torch.cat([quarter, params], -1))


def _u3(params: Tensor) -> Tensor:
    cos, sin = _halves(params)
    phi, delta = params[..., 1], params[..., 2]
    return _square(
        [
            [torch.complex(cos, torch.zeros_like(cos)), -sin * _phase(delta)],
            [sin * _phase(phi), cos * _phase(phi + delta)],
        ]
    )


def _pswap(params: Tensor) -> Tensor:
    turn = _phase(params[..., 0])
    none = torch.zeros_like(turn)
    return _on_block(_square([[none, turn], [turn, none]]), start=1, size=4)


def _ising(*, corner: float) -> Callable[[Tensor], Tensor]:
    """cos on the diagonal; on the other -i sin, times `corner` at its two ends."""

    def build(params: Tensor) -> Tensor:
        cos, sin = _halves(params)
        signs = params.new_tensor([corner, 1, 1, corner])
        across = torch.diag_embed(-sin[..., None] * signs).flip(-1)
        return torch.complex(torch.diag_embed(cos[..., None].expand(*cos.shape, 4)), across)

    return build


def _double_excitation(params: Tensor) -> Tensor:
    """A rotation of 0011 and 1100; PennyLane's sign."""
    cos, sin = _halves(params)
    turn = torch.eye(16, dtype=params.dtype, device=params.device).expand(*cos.shape, 16, 16)
    both = torch.zeros(3, 16, 16, dtype=params.dtype, device=params.device)
    both[0, 3, 3] = both[0, 12, 12] = 1
    both[1, 12, 3], both[1, 3, 12] = 1, -1
    wide, narrow = cos[..., None, None], sin[..., None, None]
    real = turn + (wide - 1) * both[0] + narrow * both[1]
    return torch.complex(real, torch.zeros_like(real))


def _multi_rz(wires: int) -> Gate:
    return _diagonal(*([0.5 if row.bit_count() % 2 else -0.5] for row in range(2**wires)))


def _qubit_unitary(wires: int) -> Gate:
    """Its parameters are real and imaginary part of every entry, row by row."""
    side = 2**wires

    def build(params: Tensor) -> Tensor:
        return torch.view_as_complex(params.reshape(*params.shape[:-1], side, side, 2).contiguous())

    return Gate(wires, 2 * side**2, build)


def _state_prep(wires: int) -> Gate:
    """Its parameters are the 2^w real amplitudes; only the first operation can be one."""

    def build(_: Tensor) -> Tensor:
        raise ValueError("StatePrep starts a circuit: it has no matrix")

    return Gate(wires, 2**wires, build)


_RX, _RY, _ROT = Gate(1, 1, _rx), Gate(1, 1, _ry), Gate(1, 3, _rot)
_X, _Y = _permuting(1, 0), _fixed([0, -1j], [1j, 0])
_H = _fixed([HALF, HALF], [HALF, -HALF])

GATES: dict[str, Gate] = {
    "Identity": _permuting(0, 1),
    "PauliX": _X,
    "PauliY": _Y,
    "PauliZ": _fixed([1, 0], [0, -1]),
    "Hadamard": _H,
    "S": _fixed([1, 0], [0, 1j]),
    "T": _fixed([1, 0], [0, HALF + HALF * 1j]),
    "SX": _fixed([0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]),
    "RX": _RX,
    "RY": _RY,
    "RZ": _diagonal([-0.5], [0.5]),
    "PhaseShift": _diagonal([0], [1]),
    "U1": _diagonal([0], [1]),
    "U2": Gate(1, 2, _u2),
    "U3": Gate(1, 3, _u3),
    "Rot": _ROT,
    "CNOT": _permuting(0, 1, 3, 2),
    "CY": _controlled(_Y),
    "CZ": _fixed([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, -1]),
    "CH": _controlled(_H),
    "SWAP": _permuting(0, 2, 1, 3),
    "ISWAP": _fixed([1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]),
    "SISWAP": _in_the_middle(_fixed([HALF, HALF * 1j], [HALF * 1j, HALF])),
    "ECR": _fixed(
        [0, 0, HALF, HALF * 1j],
        [0, 0, HALF * 1j, HALF],
        [HALF, -HALF * 1j, 0, 0],
        [-HALF * 1j, HALF, 0, 0],
    ),
    "CRX": _controlled(_RX),
    "CRY": _controlled(_RY),
    "CRZ": _diagonal([0], [0], [-0.5], [0.5]),
    "CRot": _controlled(_ROT),
    "ControlledPhaseShift": _diagonal([0], [0], [0], [1]),
    "IsingXX": Gate(2, 1, _ising(corner=1)),
    "IsingYY": Gate(2, 1, _ising(corner=-1)),
    "IsingZZ": _diagonal([-0.5], [0.5], [0.5], [-0.5]),
    "IsingXY": _in_the_middle(Gate(1, 1, lambda params: _rx(-params))),
    "PSWAP": Gate(2, 1, _pswap),
    "SingleExcitation": _in_the_middle(_RY),
    "DoubleExcitation": Gate(4, 1, _double_excitation),
    "Toffoli": _permuting(0, 1, 2, 3, 4, 5, 7, 6),
    "CSWAP": _permuting(0, 1, 2, 3, 4, 6, 5, 7),
    "CCZ": _controlled(_controlled(_fixed([1, 0], [0, -1]))),
}
OF_ANY_SIZE: dict[str, Callable[[int], Gate]] = {
    "MultiRZ": _multi_rz,
    "QubitUnitary": _qubit_unitary,
    "StatePrep": _state_prep,
}
