"""One step in the life of an anchor: send it, or ask the chain what became of it."""

from dataclasses import replace
from datetime import datetime

from provenance.anchors.chain import Chain, Found, NonceClashError, Sent, Standing
from provenance.anchors.receipt import AnchorReceipt, Progress

SENDS = 3
"""Tries where another transaction of the account takes the number of ours."""

ON_CHAIN = {Standing.CONFIRMED: Progress.CONFIRMED, Standing.FINAL: Progress.FINAL}


def hand_over(chain: Chain, receipt: AnchorReceipt, now: datetime) -> AnchorReceipt:
    """Send the claim of a receipt, in place of an earlier transaction that is still waiting.

    Raises:
        ChainUnavailableError: no answer, or the account is busy with other transactions.
        ChainRefusedError: the chain says no.
    """
    for left in reversed(range(SENDS)):
        try:
            sent = chain.publish(receipt.claim, receipt.sent)
            break
        except NonceClashError:
            if not left:
                raise
    return receipt.with_next(sent, _text(now))


def follow(chain: Chain, receipt: AnchorReceipt, now: datetime) -> AnchorReceipt:
    """Ask the chain about every transaction that was sent for this claim.

    Raises:
        ChainUnavailableError, ChainRefusedError: as the chain.
    """
    if receipt.sent is None:
        return receipt
    found = chain.state(receipt.sent, receipt.claim)
    sent = receipt.sent
    if found.standing in (Standing.NOT_ON_CHAIN, Standing.REVERTED, Standing.PENDING):
        # A reorganisation, or a race of fees, may have let an earlier one in.
        for earlier in receipt.earlier:
            other = chain.state(earlier, receipt.claim)
            if other.standing in ON_CHAIN:
                sent, found = earlier, other
                break
    return _judge(_chosen(receipt, sent), found, _text(now))


def _judge(receipt: AnchorReceipt, found: Found, now: str) -> AnchorReceipt:
    checked = replace(receipt, checked_at=now, error="")
    was_in = receipt.progress in (Progress.CONFIRMED, Progress.FINAL)
    match found.standing:
        case Standing.CONFIRMED | Standing.FINAL:
            return replace(
                checked,
                progress=ON_CHAIN[found.standing],
                block=found.block,
                block_hash=found.block_hash,
                block_time=found.block_time,
                confirmations=found.confirmations,
                gas=found.gas,
                fee=found.fee,
                # The block of before was replaced, and the transaction is in another one.
                reorged=receipt.reorged + (was_in and receipt.block_hash != found.block_hash),
            )
        case Standing.PENDING:
            return _left(checked, Progress.SENT, was_in, "")
        case Standing.NOT_ON_CHAIN if was_in:
            return _left(
                checked, Progress.QUEUED, was_in, f"its block was replaced: {found.detail}"
            )
        case Standing.NOT_ON_CHAIN:
            return checked  # perhaps on its way; sent again after a while
        case Standing.REVERTED:
            return _left(checked, Progress.QUEUED, was_in, f"reverted: {found.detail}")
        case Standing.WRONG_CHAIN | Standing.OTHER_SENDER | Standing.OTHER_CONTENT:
            # Not what was sent: the receipt was edited, or the configuration changed.
            return replace(checked, error=f"{found.standing.value}: {found.detail}")


def _left(receipt: AnchorReceipt, progress: Progress, was_in: bool, error: str) -> AnchorReceipt:
    return replace(
        receipt,
        progress=progress,
        block=None,
        block_hash=None,
        block_time=None,
        confirmations=0,
        reorged=receipt.reorged + was_in,
        error=error,
    )


def _chosen(receipt: AnchorReceipt, sent: Sent) -> AnchorReceipt:
    """With another of its transactions as the one that counts."""
    if sent == receipt.sent or receipt.sent is None:
        return receipt
    rest = tuple(one for one in receipt.earlier if one != sent)
    return replace(receipt, sent=sent, earlier=(*rest, receipt.sent))


def _text(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
