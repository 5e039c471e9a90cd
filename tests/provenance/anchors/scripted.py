"""A chain that does as it is told: for the outbox's state machine only, where a real one would not
fail, fork or clash on demand. What real chains do is tested against real ones."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from provenance.anchors.chain import (
    Claim,
    Cost,
    Found,
    Mode,
    NonceClashError,
    Sent,
    Standing,
)
from provenance.anchors.config import AnchorConfig, ChainConfig
from provenance.anchors.outbox import Outbox
from provenance.anchors.receipt import AnchorReceipt, receipts
from provenance.keys import KeyStore
from provenance.layout import Layout
from tests.provenance.conftest import Bench

CONFIG = ChainConfig(
    "fake", "evm", "http://127.0.0.1:9", "1", contract="0x" + "11" * 20, resend_seconds=100.0
)


@dataclass
class Scripted:
    """Remembers what it was sent; each transaction stands as `standings` says."""

    name: str = "fake"
    sender: str = "0xme"
    number: str = "1"
    claims: dict[str, Claim] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    replaced: list[Sent | None] = field(default_factory=list)
    becomes: Standing = Standing.CONFIRMED
    fails: list[Exception] = field(default_factory=list)
    block: int = 100
    held: int | None = None
    held_root: bytes | None = None
    opened: int = 0
    closed: int = 0

    def chain_id(self) -> str:
        return self.number

    def publish(self, claim: Claim, replacing: Sent | None = None) -> Sent:
        self.replaced.append(replacing)
        if self.fails:
            raise self.fails.pop(0)
        tx = f"0x{len(self.claims):064x}"
        self.claims[tx] = claim
        self.standings[tx] = self.becomes
        return Sent(self.number, Mode.CONTRACT, tx, self.sender, CONFIG.contract)

    def state(self, sent: Sent, claim: Claim) -> Found:
        if self.fails:
            raise self.fails.pop(0)
        standing = self.standings[sent.tx]
        assert standing is Standing.NOT_ON_CHAIN or self.claims[sent.tx] == claim
        if standing in (Standing.CONFIRMED, Standing.FINAL):
            block = f"0x{self.block:x}"
            return Found(standing, self.block, block, 1_700_000_000, 3, gas=70_000, fee=10**20)
        return Found(standing, detail="said the script")

    def head_size(self, _log_id: bytes) -> int | None:
        return self.held

    def root_at(self, _log_id: bytes, _size: int) -> bytes | None:
        return self.held_root

    def estimate(self) -> Cost:
        return Cost(70_000, None, "ETH", 18)

    def close(self) -> None:
        self.closed += 1


@dataclass
class Stand:
    """An outbox on a bench, with a chain that is scripted and a clock that is turned by hand."""

    bench: Bench
    chain: Scripted = field(default_factory=Scripted)
    config: ChainConfig = CONFIG
    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    said: list[str] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        return Layout(self.bench.folder)

    @property
    def store(self) -> KeyStore:
        return KeyStore(self.bench.keys)

    def outbox(self) -> Outbox:
        def opened(_config: ChainConfig) -> Scripted:
            self.chain.opened += 1
            return self.chain

        config = AnchorConfig((self.config,), poll_seconds=10.0)
        return Outbox(self.layout, self.store, config, opened, lambda: self.time, self.said.append)

    def work(self, *, now: bool = False) -> bool:
        done = self.outbox().work(now=now)
        assert self.chain.opened == self.chain.closed
        return done

    def later(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def receipts(self) -> list[AnchorReceipt]:
        return receipts(self.layout)

    def only(self) -> AnchorReceipt:
        (receipt,) = self.receipts()
        return receipt


def clash() -> NonceClashError:
    return NonceClashError("fake: another transaction took this number")
