"""How anchoring fares: failures by chain, and what is not anchored yet.

    .provenance/anchors/CHAIN.status    the last try on a chain, JSON; safe to lose

What is pending is derived, not stored: it is what lies between the newest receipt and the head.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import orjson

from provenance.anchors.config import ChainConfig
from provenance.anchors.cost import spent
from provenance.anchors.receipt import AnchorReceipt, anchors_folder, receipts
from provenance.checkpoint import Checkpoint
from provenance.durable import open_regular, replace_file
from provenance.layout import Layout

LONGEST_WAIT_S = 3600.0
LONGEST_ERROR = 500


@dataclass(frozen=True)
class Tried:
    """What is known of the last tries on a chain.

    Args:
        failures: tries in a row that failed.
        error: of the last one, or "".
        tried: when, ISO 8601.
        not_before: when to try again, ISO 8601, or None.
    """

    failures: int = 0
    error: str = ""
    tried: str | None = None
    not_before: str | None = None

    def failed(self, error: str, now: datetime, first_wait_s: float) -> "Tried":
        """After another failure: the wait doubles each time, up to an hour."""
        wait = min(first_wait_s * 2 ** min(self.failures, 20), LONGEST_WAIT_S)
        return Tried(
            self.failures + 1,
            error[:LONGEST_ERROR],
            now.isoformat(timespec="seconds"),
            (now + timedelta(seconds=wait)).isoformat(),
        )

    def may_try(self, now: datetime) -> bool:
        """Whether the wait is over."""
        return self.not_before is None or now >= datetime.fromisoformat(self.not_before)


def read_tried(layout: Layout, chain: str) -> Tried:
    """The last tries on a chain; a file that cannot be read counts as none."""
    try:
        with open_regular(anchors_folder(layout) / f"{chain}.status") as file:
            tried = Tried(**orjson.loads(file.read()))
        tried.may_try(datetime.now(UTC))
        return replace(tried, failures=int(tried.failures), error=str(tried.error))
    except (OSError, ValueError, TypeError):
        return Tried()


def write_tried(layout: Layout, chain: str, tried: Tried) -> None:
    """Note a try; the caller holds the chain's lock."""
    path = anchors_folder(layout) / f"{chain}.status"
    replace_file(path, json.dumps(asdict(tried)).encode() + b"\n", durable=False)


@dataclass(frozen=True)
class ChainStatus:
    """How far one chain is behind the log.

    Args:
        chain: its name.
        anchored: entries under the newest anchor that was sent; 0 for none.
        head: entries in the log.
        since: when the first entry without anchor was written, as the log says, or None.
        newest: receipt of that anchor.
        tried: the last tries.
        count: anchors sent so far.
        gas, fee: spent on them in all, as far as known; fee in the smallest unit.
    """

    chain: str
    anchored: int
    head: int
    since: str | None
    newest: AnchorReceipt | None
    tried: Tried
    count: int
    gas: int
    fee: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        newest = self.newest
        sent = newest.sent if newest else None
        return {
            "chain": self.chain,
            "anchored": self.anchored,
            "entries": self.head,
            "unanchored_from": self.anchored if self.anchored < self.head else None,
            "unanchored_since": self.since,
            "state": newest.progress.value if newest else None,
            "tx": sent.tx if sent else None,
            "block": newest.block if newest else None,
            "confirmations": newest.confirmations if newest else None,
            "anchors": self.count,
            "gas_spent": self.gas,
            "fee_spent": str(self.fee),
            "error": self.tried.error or (newest.error if newest else ""),
            "next_try": self.tried.not_before,
        }


def chain_status(layout: Layout, config: ChainConfig, head: Checkpoint) -> ChainStatus:
    """How far one chain is behind a head.

    Raises:
        LogError: a receipt cannot be read.
    """
    own = [
        receipt
        for receipt in receipts(layout)
        if receipt.chain == config.name and receipt.origin == head.origin
    ]
    sent = [receipt for receipt in own if receipt.sent is not None]
    anchored = sent[-1].size if sent else 0
    gas, fee = spent(sent)
    return ChainStatus(
        chain=config.name,
        anchored=anchored,
        head=head.size,
        since=_written(layout, anchored) if anchored < head.size else None,
        newest=sent[-1] if sent else None,
        tried=read_tried(layout, config.name),
        count=len(sent),
        gas=gas,
        fee=fee,
    )


def _written(layout: Layout, seq: int) -> str | None:
    """When an entry says that it was written; for people, so nothing is verified here."""
    try:
        with open_regular(layout.entries) as stream:
            line = next(islice(stream, seq, None))
        ts = orjson.loads(line)["body"].get("ts")
    except (OSError, StopIteration, ValueError, KeyError, TypeError, AttributeError):
        return None
    return ts if isinstance(ts, str) else None
