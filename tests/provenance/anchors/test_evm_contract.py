"""The committed bytes of the anchor contract are what its committed source compiles to.

To write them anew after a change of the source:
    python tests/provenance/anchors/test_evm_contract.py
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[3] / "provenance" / "anchors" / "contracts"
SOURCE = FOLDER / "ProvAnchor.vy"
ARTEFACT = FOLDER / "ProvAnchor.json"


def compiled() -> str:
    import vyper

    kinds = ["abi", "bytecode", "bytecode_runtime", "method_identifiers"]
    out: dict[str, Any] = vyper.compile_code(SOURCE.read_text(), output_formats=kinds)
    value = {
        "contract": "ProvAnchor",
        "compiler": f"vyper {vyper.__long_version__}",
        "evm_version": "shanghai",
        "abi": out["abi"],
        "bytecode": out["bytecode"],
        "runtime": out["bytecode_runtime"],
        "selectors": out["method_identifiers"],
    }
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def test_compiling_again_gives_the_committed_bytes() -> None:
    assert ARTEFACT.read_text() == compiled()


def test_selectors_are_those_of_the_abi() -> None:
    """Keccak of the signature, first four bytes (Solidity ABI specification, function selector)."""
    from eth_utils.crypto import keccak

    for signature, selector in json.loads(ARTEFACT.read_text())["selectors"].items():
        assert selector == "0x" + keccak(text=signature)[:4].hex()


def test_our_encoding_is_that_of_web3() -> None:
    from web3 import Web3

    from provenance.anchors.chain import Claim
    from provenance.anchors.contract import anchor_call, load, view_call

    claim = Claim(bytes(range(32)), 2**63 - 1, bytes(range(100, 132)))
    theirs = Web3().eth.contract(abi=load().abi)
    assert "0x" + anchor_call(claim).hex() == theirs.encode_abi(
        "anchor", [claim.log_id, claim.size, claim.root]
    )
    assert "0x" + view_call("root_at", claim.log_id, 7).hex() == theirs.encode_abi(
        "root_at", [claim.log_id, 7]
    )


if __name__ == "__main__":
    ARTEFACT.write_text(compiled())
