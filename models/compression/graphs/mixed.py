"""An ONNX graph whose layers are stored in 4 or 8 bits each, as a budget of bits allows.

Which layer gets which is decided as a QUBO (models/compression/bit_allocation.py) by every solver
there is, and the best feasible answer is taken. Matrix products become MatMulNBits, tables
GatherBlockQuantized; filters of convolutions are stored as int8, as in all other techniques.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.compression.bit_allocation import Layer, bit_allocation, bits_of, total_bytes
from models.compression.calibration import Calibration
from models.compression.graphs.graph import Graph
from models.compression.graphs.ort_quantize import check_float, check_samples, stored_rest
from models.compression.graphs.products import gemm_as_matmul
from models.compression.graphs.quiet import quiet
from models.compression.graphs.stored import stored_embeddings
from models.compression.graphs.widths import BLOCK, WIDTHS, Place, layers, places
from models.quantum.qubo.compare import Comparison, side_by_side

SAMPLES = 8
"""Asked about each layer and width."""


@dataclass(frozen=True)
class Mixed:
    """A graph in mixed bits.

    Args:
        graph: it.
        bits: layer to its width.
        bytes: that the layers take.
        budget: that they may take.
        table: what all solvers said.
    """

    graph: Graph
    bits: Mapping[str, int]
    bytes: int
    budget: int
    table: Comparison

    def sentence(self) -> str:
        """What was decided, in one line."""
        few = sum(bits == min(WIDTHS) for bits in self.bits.values())
        return (
            f"{few} of {len(self.bits)} layers in {min(WIDTHS)} bits, the others in {max(WIDTHS)}: "
            f"{self.bytes / 1e6:.3g} of {self.budget / 1e6:.3g} MB; {self.table.sentence()}"
        )


def mixed_bits(
    graph: Graph,
    calibration: Calibration,
    *,
    mean_bits: float,
    seed: int,
    samples: int = SAMPLES,
) -> Mixed:
    """Layers in 4 or 8 bits.

    Args:
        graph: as exported.
        calibration: real inputs of this view; the first of them show what a layer's rounding does.
        mean_bits: the budget lies so far between all layers in 4 bits (4) and all in 8 (8).
        seed: of the solvers.
        samples: to ask about each layer and width.

    Raises:
        GraphError: the graph is already quantised, or has no layer to store.
        CalibrationError: fewer than 2 samples, or of another view.
        ValueError: mean_bits is out of range.
    """
    check_float(graph)
    check_samples(graph, calibration)
    if not min(WIDTHS) <= mean_bits <= max(WIDTHS):
        raise ValueError(f"mean_bits={mean_bits}: from {min(WIDTHS)} to {max(WIDTHS)}")
    found = layers(graph, calibration, samples=samples)
    return decided(graph, found, mean_bits=mean_bits, seed=seed)


def decided(graph: Graph, found: Sequence[Layer], *, mean_bits: float, seed: int) -> Mixed:
    """The same for layers whose errors are known.

    Args:
        graph: as exported.
        found: all its layers.
        mean_bits, seed: as for `mixed_bits`.
    """
    low, high = min(WIDTHS), max(WIDTHS)
    least, most = (sum(layer.bytes[bits] for layer in found) for bits in (low, high))
    budget = int(least + (most - least) * (mean_bits - low) / (high - low))
    table = side_by_side(bit_allocation(found, budget=budget), seed=seed)
    bits = bits_of(table.best, found)
    return Mixed(stored_in(graph, bits), bits, total_bytes(found, bits), budget, table)


def stored_in(graph: Graph, bits: Mapping[str, int]) -> Graph:
    """A graph with its layers in so many bits each.

    Args:
        graph: as exported.
        bits: layer, by the name of its node, to 4 or 8; all of them.
    """
    proto = gemm_as_matmul(graph.proto())
    found = places(proto)
    others = {node.name for node in proto.graph.node if node.op_type == "MatMul"}
    for width in WIDTHS:
        own = {place.node for place in found if bits[place.node] == width}
        products = {place.node for place in found if place.kind == "product"} & own
        if products:
            with quiet():
                from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

                quantizer = MatMulNBitsQuantizer(
                    proto,
                    bits=width,
                    block_size=BLOCK,
                    is_symmetric=False,
                    accuracy_level=4,  # inputs as int8: the fast path on CPUs
                    nodes_to_exclude=sorted(others - products),
                )
                quantizer.process()
            proto = quantizer.model.model
        stored_embeddings(proto, bits=width, tables=_tables(found, own))
    return stored_rest(graph, proto, max(WIDTHS))


def _tables(found: list[Place], own: set[str]) -> set[str]:
    return {place.weight for place in found if place.kind == "table" and place.node in own}
