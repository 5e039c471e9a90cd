"""The anchor contract: what was compiled from contracts/ProvAnchor.vy, and how it is called.

Its arguments are all of fixed size, so a call is the selector and one 32-byte word for each
(Solidity ABI specification, https://docs.soliditylang.org/en/latest/abi-spec.html).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from provenance.anchors.chain import Claim

WORD = 32

_ARTEFACT = Path(__file__).parent / "contracts" / "ProvAnchor.json"

_VIEWS = {
    "owner": "owner()",
    "head_size": "head_size(bytes32)",
    "root_at": "root_at(bytes32,uint64)",
}


@dataclass(frozen=True)
class Compiled:
    """The contract as the compiler left it.

    Args:
        bytecode: what a deployment sends.
        runtime: what then stands at the address, less the owner, which follows in one word.
        selectors: first four bytes of a call, by signature.
        abi: for tools that want it.
    """

    bytecode: bytes
    runtime: bytes
    selectors: dict[str, bytes]
    abi: list[dict[str, Any]]


@cache
def load() -> Compiled:
    """The committed artefact; a test compiles the source again and compares."""
    value = orjson.loads(_ARTEFACT.read_text(encoding="utf-8"))
    return Compiled(
        bytecode=bytes.fromhex(value["bytecode"][2:]),
        runtime=bytes.fromhex(value["runtime"][2:]),
        selectors={name: bytes.fromhex(raw[2:]) for name, raw in value["selectors"].items()},
        abi=value["abi"],
    )


def anchor_call(claim: Claim) -> bytes:
    """The data of a transaction that anchors a claim."""
    selector = load().selectors["anchor(bytes32,uint64,bytes32)"]
    return selector + claim.log_id + claim.size.to_bytes(WORD, "big") + claim.root


def view_call(name: str, *arguments: bytes | int) -> bytes:
    """The data of a call that reads: "owner", "head_size" or "root_at"."""
    words = (
        argument if isinstance(argument, bytes) else argument.to_bytes(WORD, "big")
        for argument in arguments
    )
    return load().selectors[_VIEWS[name]] + b"".join(words)


def is_ours(code: bytes) -> bool:
    """Whether the code at an address is this contract, whoever owns it.

    Another contract could answer whatever it likes about the sizes it holds.
    """
    runtime = load().runtime
    return code.startswith(runtime) and len(code) == len(runtime) + WORD
