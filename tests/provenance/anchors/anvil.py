"""A real EVM node (Foundry's anvil, from npm) on loopback, for slow tests."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.anchors.chain import ChainError, Mode
from provenance.anchors.config import ChainConfig
from provenance.anchors.evm import EvmChain, deploy_contract, open_evm
from provenance.anchors.jsonrpc import HttpTransport
from tests.node_tools import node_modules

from .nodes import SECRET

NAMES = {"1": "ethereum", "137": "polygon", "56": "bsc"}


@dataclass
class Anvil:
    """A running node."""

    process: "subprocess.Popen[bytes]"
    url: str
    chain_id: str

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a request; the node's own error is the test's error."""
        answer = HttpTransport("anvil", self.url, 30).ask(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def config(self, mode: Mode = Mode.CALLDATA, **changes: Any) -> ChainConfig:
        settings: dict[str, Any] = {"timeout_seconds": 30, "confirmations": 2, **changes}
        return ChainConfig(
            NAMES[self.chain_id], "evm", self.url, self.chain_id, mode=mode, **settings
        )

    def chain(self, mode: Mode = Mode.CALLDATA, secret: bytes = SECRET, **changes: Any) -> EvmChain:
        """A funded account's view of the node; in contract mode it deploys its own contract."""
        account = open_evm(self.config(), secret)
        self.ask("anvil_setBalance", account.sender, hex(10**20))
        if mode is Mode.CONTRACT and "contract" not in changes:
            changes["contract"] = deploy_contract(self.config(), secret)
        return open_evm(self.config(mode, **changes), secret)


@contextmanager
def anvil(chain_id: str, *options: str) -> Iterator[Anvil]:
    """A node of its own, gone afterwards."""
    binary: Path = node_modules() / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [binary, "--host", "127.0.0.1", "--port", str(port), "--chain-id", chain_id, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    node = Anvil(process, f"http://127.0.0.1:{port}", chain_id)
    try:
        for _ in range(600):
            with suppress(ChainError):
                node.ask("eth_chainId")
                break
            assert process.poll() is None, "anvil ended at once"
            time.sleep(0.05)
        yield node
    finally:
        node.kill()
