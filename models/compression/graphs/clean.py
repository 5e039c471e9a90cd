"""An ONNX graph without what tells of this machine, of a library's version or of the time."""

from collections.abc import Mapping
from typing import Any


def bare(proto: Any) -> Any:
    """Take off notes of exporters and quantisers (stack traces hold paths); in place."""
    proto.doc_string = proto.producer_name = proto.producer_version = ""
    proto.graph.doc_string = ""
    del proto.metadata_props[:]
    del proto.graph.metadata_props[:]
    # Shapes in between are an aid to readers; quantisers work them out themselves.
    del proto.graph.value_info[:]
    for held in [*proto.graph.node, *proto.graph.initializer, *proto.functions]:
        held.doc_string = ""
        del held.metadata_props[:]
    for value in [*proto.graph.input, *proto.graph.output]:
        value.doc_string = ""
        del value.metadata_props[:]
    return proto


def clean(proto: Any, *, name: str, axes: Mapping[str, Mapping[int, str]]) -> Any:
    """As `bare`, with the graph and its axes under our names; in place.

    Args:
        proto: as the exporter made it.
        name: of the graph.
        axes: input name to its variable axes and their names.
    """
    proto = bare(proto)
    proto.graph.name = name
    names: dict[str, str] = {}
    for value in proto.graph.input:
        for axis, called in axes[value.name].items():
            names[value.type.tensor_type.shape.dim[axis].dim_param] = called
    for value in [*proto.graph.input, *proto.graph.output]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param, dim.dim_param)
    return proto
