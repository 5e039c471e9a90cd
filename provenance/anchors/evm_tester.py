"""eth-tester made repeatable: the same transactions at the same times give the same blocks."""

import time
from collections.abc import Mapping
from typing import Any

from provenance.anchors.chain import ChainUnavailableError
from provenance.anchors.evm_cache import Store


def make_tester(genesis: Mapping[str, Any]) -> Any:
    """eth-tester whose blocks depend on nothing but the transactions and their time."""
    from eth.db.atomic import AtomicDB
    from eth.db.backends.memory import MemoryDB
    from eth_tester import EthereumTester, PyEVMBackend

    class Backend(PyEVMBackend):
        chain: Any

        def store(self) -> Store:
            """The database under the chain."""
            kept: Store = self.chain.chaindb.db.wrapped_db.kv_store
            return kept

        def restore(self, store: Store, head: str) -> bool:
            """Take over a database; only if the chain in it ends with this block."""
            try:
                chain = type(self.chain)(AtomicDB(MemoryDB(store)))
                if "0x" + chain.get_canonical_head().hash.hex() != head:
                    return False
            except Exception:  # whatever a damaged database does to py-evm
                return False
            self.chain = chain
            return True

        def stand_at(self, timestamp: int) -> None:
            """Give the block that is being filled its time."""
            self.chain.header = self.chain.header.copy(timestamp=timestamp)

        def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> Any:
            # The original draws prevrandao at random: the block would get another hash each time.
            return tuple(
                self.chain.mine_block(coinbase=coinbase, mix_hash=bytes(32), blob_gas_used=0).hash
                for _ in range(num_blocks)
            )

    overrides = {"timestamp": int(genesis["timestamp"])}
    return EthereumTester(Backend(genesis_parameters=Backend.generate_genesis_params(overrides)))


def next_time(tester: Any) -> int:
    """Now, or a second after the last block where the clock went backwards."""
    return max(int(time.time()), int(tester.get_block_by_number("latest")["timestamp"]) + 1)


def replay(tester: Any, number: int, record: Mapping[str, Any]) -> None:
    """Execute a record of the ledger again; its block must get the same hash.

    Args:
        tester: the chain before it.
        number: of the record, for messages.
        record: raw transaction, time of its block, hash of its block.

    Raises:
        ChainUnavailableError: it does not.
    """
    changed = f"the embedded ledger was changed at record {number}"
    try:
        tester.backend.stand_at(int(record["timestamp"]))
        tester.backend.send_raw_transaction(bytes.fromhex(record["raw"]))
        found = tester.backend.mine_blocks()[0].hex()
    except Exception as error:
        raise ChainUnavailableError(f"{changed}: {type(error).__name__}") from error
    if "0x" + found != record["block_hash"]:
        raise ChainUnavailableError(f"{changed}: its block is another one now")
