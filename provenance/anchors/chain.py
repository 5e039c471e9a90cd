"""What anchoring asks of a blockchain, whichever it is.

A chain is told one thing: "the log L has the root R over its first N entries" (a `Claim`). What it
answers later is judged by content, sender and chain, never by the word of a receipt on disk.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from blake3 import blake3

from provenance.checkpoint import Checkpoint
from provenance.errors import ProvenanceError


class ChainError(ProvenanceError):
    """Anchoring did not work; never the fault of the log, and never raised into a run."""


class ChainUnavailableError(ChainError):
    """Nobody answers, or not in the chain's language: no network, time-out, malformed answer.

    It may pass: try again later.
    """


class NonceClashError(ChainUnavailableError):
    """Another transaction of the same account took the number of this one: send again at once."""


class ChainRefusedError(ChainError):
    """The chain answered and said no: no funds, not the contract's owner, the size does not grow.

    It does not pass by itself: a person must act.
    """


class WrongChainError(ChainRefusedError):
    """The RPC serves another chain than the one configured."""


@dataclass(frozen=True)
class Claim:
    """What gets anchored.

    Args:
        log_id: 32 bytes that stand for the log, see `anchor_id`.
        size: how many entries, 1 or more, below 2**63.
        root: of the tree over them, 32 bytes.
    """

    log_id: bytes
    size: int
    root: bytes

    @classmethod
    def of(cls, head: Checkpoint) -> "Claim":
        """The claim that a head makes."""
        return cls(anchor_id(head.origin), head.size, head.root)


def anchor_id(origin: str) -> bytes:
    """The 32 bytes that stand for a log on a chain: the BLAKE3 of its origin."""
    return blake3(origin.encode()).digest()


class Mode(StrEnum):
    """How a claim is written to a chain."""

    CONTRACT = "contract"
    """EVM: a call of contracts/ProvAnchor.vy; the chain itself refuses a rollback."""
    CALLDATA = "calldata"
    """EVM: data of a transaction from the account to itself; no contract, no `head_size`."""
    MEMO = "memo"
    """Solana: an instruction of the Memo program."""


@dataclass(frozen=True)
class Sent:
    """A transaction that was signed and handed over.

    Args:
        chain_id: which chain answered: EVM chain id in decimal, Solana genesis hash in base58.
        mode: how the claim was written.
        tx: transaction hash (0x..., EVM) or signature (base58, Solana).
        sender: address of the account that signed.
        contract: address of the contract (EVM, contract mode), else None.
        valid_until: Solana: last block height at which the transaction can still land; else None.
    """

    chain_id: str
    mode: Mode
    tx: str
    sender: str
    contract: str | None = None
    valid_until: int | None = None


class Standing(StrEnum):
    """What a chain says of a transaction."""

    PENDING = "pending"
    """Known to the node, in no block yet; or not seen, and Solana can still take it."""
    CONFIRMED = "confirmed"
    """In a block of the chain, not final."""
    FINAL = "final"
    NOT_ON_CHAIN = "not_on_chain"
    """Unknown: never arrived, dropped, or its block was replaced."""
    REVERTED = "reverted"
    WRONG_CHAIN = "wrong_chain"
    OTHER_SENDER = "other_sender"
    OTHER_CONTENT = "other_content"


@dataclass(frozen=True)
class Found:
    """A chain's answer about one transaction.

    Args:
        standing: see above.
        block: number (EVM) or slot (Solana), if it is in one.
        block_hash: of that block, hex or base58, if known.
        block_time: seconds since 1970, as the chain says, if known.
        confirmations: blocks (slots) on top of it.
        gas: gas (EVM) or compute units (Solana) used, if known.
        fee: paid, in the smallest unit (wei, lamports), if known.
        detail: for people, where something is wrong: what was expected and what was found.
    """

    standing: Standing
    block: int | None = None
    block_hash: str | None = None
    block_time: int | None = None
    confirmations: int = 0
    gas: int | None = None
    fee: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Cost:
    """What one anchor takes.

    Args:
        gas: gas (EVM) or compute units (Solana).
        fee: in the smallest unit, at the price that the chain asks now; None if it does not say.
        currency: "ETH", "POL", "BNB", "SOL".
        decimals: 18 for EVM, 9 for Solana.
    """

    gas: int
    fee: int | None
    currency: str
    decimals: int


class Chain(Protocol):
    """One chain and the account that pays there.

    Every method has a bounded time and raises ChainUnavailableError, ChainRefusedError or one of
    their children, nothing else; panics of foreign libraries (BaseException) included.
    """

    name: str
    """As in the configuration: "ethereum", "polygon", "bsc", "solana", "embedded-evm", ..."""

    sender: str
    """Address of the account that signs here; "" where there is no key and it can only be read."""

    def chain_id(self) -> str:
        """Which chain answers (see Sent.chain_id)."""

    def publish(self, claim: Claim, replacing: Sent | None = None) -> Sent:
        """Sign and hand over; does not wait for a block.

        With `replacing`, an earlier transaction for the same claim that waits for too long gives
        its place to this one, at a higher fee.

        A claim that the chain holds already from this sender is no error: where that can be seen
        (the same transaction again), the earlier transaction is returned.

        Raises:
            NonceClashError: another transaction of this account was first.
            ChainRefusedError: no funds, no contract, contract says no.
            WrongChainError: not the chain that is configured.
            ChainUnavailableError: no or no sensible answer.
        """

    def state(self, sent: Sent, claim: Claim) -> Found:
        """What became of a transaction; its content is compared with the claim.

        `sent.sender`, `sent.contract` and `sent.chain_id` must be this chain's own as configured;
        else OTHER_SENDER, OTHER_CONTENT (other contract) or WRONG_CHAIN.
        """

    def head_size(self, log_id: bytes) -> int | None:
        """The largest size that the contract holds for a log, 0 for none; None without contract."""

    def root_at(self, log_id: bytes, size: int) -> bytes | None:
        """The root that the contract holds at a size; None for none, and without contract."""

    def estimate(self) -> Cost:
        """What one anchor takes now."""

    def close(self) -> None:
        """Give back connections and locks."""
