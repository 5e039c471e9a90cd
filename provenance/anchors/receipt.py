"""Receipts: what was sent to which chain, as files beside the log.

    .provenance/anchors/CHAIN-SIZE.json    one claim on one chain, canonical JSON

A receipt is a pointer, not a proof: it says where to look. What it claims is compared with the
history here (`anchored_heads`), and with the chain itself by `cairn anchor verify`.
"""

import re
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from provenance import canonical
from provenance.anchors.chain import Claim, Mode, Sent, anchor_id
from provenance.checkpoint import ROOT_BYTES, Checkpoint
from provenance.checkpoint import log_id as log_name
from provenance.durable import open_regular, replace_file
from provenance.errors import LogError, NotCanonicalError, TamperedError
from provenance.layout import Layout
from provenance.seen import Seen

LARGEST_RECEIPT = 1 << 16
"""Bytes; one holds about a thousand."""

_FILE = re.compile(r"([a-z][a-z0-9-]*)-([1-9][0-9]{0,15})\.json")


class Progress(StrEnum):
    """How far an anchor is."""

    QUEUED = "queued"
    """To be sent, or to be sent again after its block was replaced."""
    SENT = "sent"
    CONFIRMED = "confirmed"
    FINAL = "final"
    SUPERSEDED = "superseded"
    """Not sent again: the chain has a larger claim, or this one by a transaction that got lost."""


@dataclass(frozen=True)
class AnchorReceipt:
    """One claim on one chain.

    Args:
        chain: name in the configuration.
        kind: "evm" or "solana".
        origin: of the log.
        size: of the head.
        root: of the head, hex.
        progress: how far it is.
        sent: the newest transaction; None while nothing was sent.
        earlier: transactions sent before it for the same claim.
        block, block_hash, block_time, confirmations, gas, fee: as the chain said last (see Found).
        created, sent_at, checked_at: ISO 8601 in UTC.
        attempts: how often sending was tried.
        reorged: how often its block was replaced.
        error: what went wrong last, or "".
    """

    chain: str
    kind: str
    origin: str
    size: int
    root: str
    created: str
    progress: Progress = Progress.QUEUED
    sent: Sent | None = None
    earlier: tuple[Sent, ...] = ()
    block: int | None = None
    block_hash: str | None = None
    block_time: int | None = None
    confirmations: int = 0
    gas: int | None = None
    fee: int | None = None
    sent_at: str | None = None
    checked_at: str | None = None
    attempts: int = 0
    reorged: int = 0
    error: str = ""

    @property
    def claim(self) -> Claim:
        """What was, or is to be, written to the chain."""
        return Claim(anchor_id(self.origin), self.size, bytes.fromhex(self.root))

    @property
    def head(self) -> Checkpoint:
        """The head it stands for."""
        return Checkpoint(self.origin, self.size, bytes.fromhex(self.root))

    @property
    def open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.progress not in (Progress.FINAL, Progress.SUPERSEDED)

    @property
    def name(self) -> str:
        """For messages."""
        return f"anchor of {self.size} entries on {self.chain}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON. Fees exceed what JSON numbers hold exactly, so they are text."""
        value = asdict(self)
        # The log's 32 bytes on the chain: for people who search an explorer; derived from origin.
        value["log_id"] = anchor_id(self.origin).hex()
        value["fee"] = None if self.fee is None else str(self.fee)
        value["earlier"] = list(value["earlier"])
        value["v"] = 1
        return value

    def with_next(self, sent: Sent, now: str) -> "AnchorReceipt":
        """After another transaction was handed over."""
        earlier = self.earlier if self.sent is None else (*self.earlier, self.sent)
        if self.sent == sent:
            earlier = self.earlier
        return replace(
            self,
            progress=Progress.SENT,
            sent=sent,
            earlier=earlier,
            sent_at=now,
            block=None,
            block_hash=None,
            block_time=None,
            confirmations=0,
            error="",
        )


def anchors_folder(layout: Layout) -> Path:
    """Where receipts, status files and the worker's log are."""
    return layout.folder / "anchors"


def receipts(layout: Layout) -> list[AnchorReceipt]:
    """All receipts beside a log, by chain and size.

    Raises:
        LogError: a receipt cannot be read, or is none.
    """
    folder = anchors_folder(layout)
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir()):
        if not _FILE.fullmatch(path.name):
            continue
        try:
            found.append(read_receipt(path))
        except LogError:
            if path.exists():
                raise
            # A worker took it away meanwhile: it was never sent, and a newer head is.
    return sorted(found, key=lambda receipt: (receipt.chain, receipt.size))


def anchored_heads(layout: Layout) -> list[Seen]:
    """The heads that were anchored, as far as receipts tell: the log must be consistent with them.

    Raises:
        LogError: a receipt cannot be read, or is none.
    """
    return [
        Seen(receipt.head, f"the {receipt.name} (transaction {receipt.sent.tx})")
        for receipt in receipts(layout)
        if receipt.sent is not None
    ]


def read_receipt(path: Path) -> AnchorReceipt:
    """Read one receipt.

    Raises:
        LogError: it cannot be read, or is none.
    """
    try:
        with open_regular(path) as file:
            data = file.read(LARGEST_RECEIPT + 1)
        if len(data) > LARGEST_RECEIPT:
            raise ValueError(f"longer than {LARGEST_RECEIPT} bytes")
        receipt = _parse(canonical.decode(data.removesuffix(b"\n")))
        if path.name != receipt_file(receipt.chain, receipt.size):
            raise ValueError(f"it is one of {receipt.chain}, size {receipt.size}")
    except OSError as error:
        raise LogError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, NotCanonicalError, TamperedError) as error:
        raise LogError(
            f"{path} is no anchor receipt ({error}): restore it from a copy, or remove it and run "
            "`cairn anchor verify`"
        ) from error
    return receipt


def write_receipt(layout: Layout, receipt: AnchorReceipt) -> None:
    """Write one receipt; the caller holds the chain's lock."""
    folder = anchors_folder(layout)
    path = folder / receipt_file(receipt.chain, receipt.size)
    replace_file(path, canonical.encode(receipt.to_dict()) + b"\n")


def receipt_file(chain: str, size: int) -> str:
    """Name of a receipt's file."""
    return f"{chain}-{size}.json"


_TEXT = {"chain": str, "kind": str, "origin": str, "root": str, "created": str, "error": str}
_COUNT = ("size", "confirmations", "attempts", "reorged")
_MAYBE_COUNT = ("block", "block_time", "gas")
_MAYBE_TEXT = ("block_hash", "sent_at", "checked_at")


def _parse(value: Any) -> AnchorReceipt:
    if not isinstance(value, dict) or value.pop("v", None) != 1:
        raise ValueError("not version 1")
    value.pop("log_id", None)  # derived
    _demand(value, _TEXT, str)
    _demand(value, _COUNT, int)
    _demand(value, _MAYBE_COUNT, int, type(None))
    _demand(value, _MAYBE_TEXT, str, type(None))
    log_name(value["origin"])
    if len(bytes.fromhex(value["root"])) != ROOT_BYTES or value["size"] < 1:
        raise ValueError("size or root out of range")
    fee = value["fee"]
    sent = value["sent"]
    return AnchorReceipt(
        **value
        | {
            "progress": Progress(value["progress"]),
            "fee": None if fee is None else int(fee),
            "sent": None if sent is None else _sent(sent),
            "earlier": tuple(_sent(item) for item in value["earlier"]),
        }
    )


def _demand(value: dict[str, Any], names: Any, *types: type) -> None:
    for name in names:
        if type(value[name]) not in types or (types[0] is int and (value[name] or 0) < 0):
            raise ValueError(f"{name}={value[name]!r}")


def _sent(value: Any) -> Sent:
    sent = Sent(**value | {"mode": Mode(value["mode"])})
    for text in (sent.chain_id, sent.tx, sent.sender):
        if not isinstance(text, str):
            raise ValueError(f"sent: {text!r} is no text")
    if not isinstance(sent.contract, str | None) or not isinstance(sent.valid_until, int | None):
        raise ValueError("sent: contract or valid_until")
    return sent
