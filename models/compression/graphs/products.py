"""Matrix products in one form: `Gemm` with constant weights as `MatMul` and `Add`."""

from typing import Any


def unweighted(proto: Any) -> list[str]:
    """Names of the matrix products that hold no weights: of two activations."""
    held = {tensor.name for tensor in proto.graph.initializer}
    return [
        node.name
        for node in proto.graph.node
        if node.op_type in ("MatMul", "Gemm") and not held & set(node.input)
    ]


def gemm_as_matmul(proto: Any) -> Any:
    """Rewrite in place: quantisers of weights look for `MatMul` only. Returns its argument.

    Only a plain x W' + b (no factors, x as it is), which is what a linear layer becomes.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    nodes: list[Any] = []
    turned: set[str] = set()
    for node in proto.graph.node:
        settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        plain = (
            node.op_type == "Gemm"
            and node.input[1] in held
            and not settings.get("transA", 0)
            and settings.get("alpha", 1.0) == settings.get("beta", 1.0) == 1.0
        )
        if not plain:
            nodes.append(node)
            continue
        weight = held[node.input[1]].name
        if settings.get("transB", 0):
            if weight not in turned:
                array = np.ascontiguousarray(numpy_helper.to_array(held[weight]).T)
                proto.graph.initializer.append(numpy_helper.from_array(array, weight + "_turned"))
                turned.add(weight)
            weight += "_turned"
        biased = len(node.input) > 2
        product = node.output[0] + "_product" if biased else node.output[0]
        nodes.append(helper.make_node("MatMul", [node.input[0], weight], [product], name=node.name))
        if biased:
            nodes.append(
                helper.make_node(
                    "Add", [product, node.input[2]], list(node.output), name=node.name + "_bias"
                )
            )
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for name in turned - used:
        proto.graph.initializer.remove(held[name])
    return proto
