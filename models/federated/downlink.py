"""The server's end of compressed downloads: what every client has, and what it needs to be told.

Clients train from the weights that the differences add up to, not from the server's own: what a
codec loses on the way down stays in the server's weights and goes out with the next difference.
"""

from typing import Any

from flwr.app import Message

from models.federated.arrays import Arrays, add, record_of, subtract
from models.federated.client import ARRAYS, CONFIG
from models.federated.codec import Codec, Encoded, decode, encode
from models.federated.traffic import FULL

KEPT = 4
"""Differences that are kept: a client that missed more is sent the weights themselves."""


class Downlink:
    """What is sent to whom.

    Args:
        codec: of the differences; `none` sends the weights themselves to everyone.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.version = 0
        self.known: Arrays | None = None
        self.history: dict[int, Encoded] = {}
        self.has: dict[int, int] = {}

    def round(self, weights: Arrays) -> Arrays:
        """The weights that clients train from in this round."""
        if not self.codec.lossy:
            return weights
        self.version += 1
        if self.known is None:
            self.known = weights
            return weights
        encoded = encode(self.codec, subtract(weights, self.known))
        self.known = add(self.known, decode(self.codec, encoded, weights))
        self.history[self.version] = encoded
        self.history.pop(self.version - KEPT, None)
        return self.known

    def address(self, message: Message) -> None:
        """Put what its client needs into a message."""
        if not self.codec.lossy or self.known is None:
            return
        node = message.metadata.dst_node_id
        base = self.has.get(node, FULL)
        missing = range(base + 1, self.version + 1)
        content = message.content
        config = type(content[CONFIG])({**content[CONFIG]})
        if base == FULL or any(version not in self.history for version in missing):
            base = FULL
            content[ARRAYS] = record_of(self.known)
        else:
            content[ARRAYS] = record_of(
                {f"{v}/{key}": x for v in missing for key, x in self.history[v].items()}
            )
        config["base"], config["version"] = base, self.version
        content[CONFIG] = config

    def answered(self, node: int, *, has_base: bool) -> None:
        """A client answered, so it has this round's weights; or it said that it lost them."""
        if has_base:
            self.has[node] = self.version
        else:
            self.has.pop(node, None)

    def memory(self) -> dict[str, Any]:
        """What a later process needs to go on, as arrays and JSON types."""
        return {
            "version": self.version,
            "known": self.known or {},
            "history": {str(version): encoded for version, encoded in self.history.items()},
            "has": {str(node): version for node, version in self.has.items()},
        }

    def remember(self, memory: dict[str, Any]) -> None:
        """Go on from what `memory` gave."""
        self.version = memory["version"]
        self.known = memory["known"] or None
        self.history = {int(version): encoded for version, encoded in memory["history"].items()}
        self.has = {int(node): version for node, version in memory["has"].items()}
