"""Between a ClientApp and its worker: a JSON header and named arrays; nothing that runs as code."""

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from safetensors.numpy import load, save

from models.federated.arrays import Arrays

ORDER = "order"


def send(connection: Connection, header: Mapping[str, Any], **groups: Arrays | None) -> None:
    """Send a header and groups of arrays; their order is kept, which safetensors does not."""
    given = {name: arrays for name, arrays in groups.items() if arrays is not None}
    order = {name: list(arrays) for name, arrays in given.items()}
    connection.send_bytes(json.dumps({**header, ORDER: order}).encode())
    flat = {
        f"{name}/{key}": value for name, arrays in given.items() for key, value in arrays.items()
    }
    connection.send_bytes(save(flat))


def receive(connection: Connection) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """What `send` sent.

    Raises:
        EOFError: the other side ended.
    """
    header: dict[str, Any] = json.loads(connection.recv_bytes())
    flat = load(connection.recv_bytes())
    order: dict[str, list[str]] = header.pop(ORDER)
    return header, {
        name: {key: flat[f"{name}/{key}"] for key in keys} for name, keys in order.items()
    }
