"""Ask a chain about the anchors of a log: there, from the right account, with this content, final?

A receipt's own word is not taken. And receipts can be deleted together with the newest entries, so
a contract is also asked for the largest size that it holds.
"""

from collections.abc import Iterable

from provenance.anchors.answer import AnchorCheck, Answer, evidence_of, whole, wrong
from provenance.anchors.chain import (
    Chain,
    ChainError,
    Found,
    Standing,
    WrongChainError,
    anchor_id,
)
from provenance.anchors.check import RootAt
from provenance.anchors.config import ChainConfig
from provenance.anchors.receipt import AnchorReceipt, Progress
from provenance.checkpoint import Checkpoint
from provenance.errors import Reason


def check_chain(
    chain: Chain,
    config: ChainConfig,
    receipts: Iterable[AnchorReceipt],
    head: Checkpoint,
    root_at: RootAt,
) -> list[AnchorCheck]:
    """Ask one chain about its anchors; every error becomes an answer.

    Args:
        chain: opened with `config`.
        config: of the chain.
        receipts: those of this log and chain.
        head: of the log, verified.
        root_at: see RootAt.
    """
    sent = [receipt for receipt in receipts if receipt.sent is not None]
    left = [receipt for receipt in sent if receipt.progress is Progress.SUPERSEDED]
    checks: list[AnchorCheck] = []
    try:
        checks += [_ask(chain, config, receipt) for receipt in sent if receipt not in left]
        held = chain.head_size(anchor_id(head.origin)) or 0
        checks += _contract(chain, config, sent, head, root_at, held)
        sizes = [check.size or 0 for check in checks if check.answer is Answer.OK]
        checks += [_superseded(receipt, max([held, *sizes])) for receipt in left]
    except WrongChainError as error:
        checks.append(whole(config, Answer.WRONG, Reason.ANCHOR_FOREIGN, str(error)))
    except ChainError as error:
        checks.append(whole(config, Answer.NOT_CHECKED, Reason.CANNOT_CHECK, str(error)))
    if not checks:
        message = f"nothing of this log was anchored on {config.name}"
        checks.append(whole(config, Answer.NOT_CHECKED, Reason.ANCHOR_MISSING, message))
    return checks


def _superseded(receipt: AnchorReceipt, held: int) -> AnchorCheck:
    """A larger anchor must in fact be there: the word may have been written into the receipt."""
    if held >= receipt.size:
        text = f"{receipt.size} entries: under the anchor of {held}"
        return AnchorCheck(receipt.chain, receipt.size, Answer.OK, None, text)
    text = f"{receipt.size} entries: said to be under a larger anchor, and there is none"
    return wrong(receipt, Reason.ANCHOR_MISSING, text)


def _ask(chain: Chain, config: ChainConfig, receipt: AnchorReceipt) -> AnchorCheck:
    """What the chain says of one receipt now; the file's own word is not taken."""
    if receipt.sent is None:
        raise AssertionError("asked only about what was sent")
    allowed = config.senders or ((chain.sender,) if chain.sender else ())
    if not allowed:
        message = (
            f"nobody says whose anchors on {config.name} count: set anchor.chains.{config.name}"
            ".senders, or use the key store of the account"
        )
        return AnchorCheck(
            config.name, receipt.size, Answer.NOT_CHECKED, Reason.CANNOT_CHECK, message
        )
    if receipt.sent.sender.lower() not in {sender.lower() for sender in allowed}:
        return wrong(
            receipt,
            Reason.ANCHOR_FOREIGN,
            f"the {receipt.name} was sent by {receipt.sent.sender}, expected is "
            f"{' or '.join(allowed)}",
        )
    best = None
    for sent in (receipt.sent, *receipt.earlier):
        found = chain.state(sent, receipt.claim)
        if best is None or found.standing in (Standing.FINAL, Standing.CONFIRMED):
            best = found
        if found.standing is Standing.FINAL:
            break
    if best is None:
        raise AssertionError("there is at least one transaction")
    return _judged(receipt, best)


def _judged(receipt: AnchorReceipt, found: Found) -> AnchorCheck:
    place = f"block {found.block}" if found.block is not None else "no block"
    count = f"{found.confirmations} confirmation{'' if found.confirmations == 1 else 's'}"
    match found.standing:
        case Standing.FINAL:
            answer, reason, words = Answer.OK, None, f"final in {place}, {count}"
        case Standing.CONFIRMED:
            answer, reason = Answer.NOT_FINAL, Reason.ANCHOR_NOT_FINAL
            words = f"not final: {place}, {count}"
        case Standing.PENDING:
            answer, reason = Answer.NOT_FINAL, Reason.ANCHOR_NOT_FINAL
            words = "not final: in no block yet"
        case Standing.NOT_ON_CHAIN:
            answer, reason = Answer.WRONG, Reason.ANCHOR_MISSING
            words = "not on chain: its block was replaced, or it never arrived; push sends it again"
        case Standing.REVERTED:
            answer, reason, words = Answer.WRONG, Reason.ANCHOR_MISSING, "refused by the contract"
        case _:
            answer, reason = Answer.WRONG, Reason.ANCHOR_FOREIGN
            words = found.standing.value.replace("_", " ")
    detail = f" ({found.detail})" if found.detail and answer is Answer.WRONG else ""
    return AnchorCheck(
        receipt.chain,
        receipt.size,
        answer,
        reason,
        f"{receipt.size} entries: {words}{detail}",
        evidence_of(receipt),
        found,
    )


def _contract(
    chain: Chain,
    config: ChainConfig,
    own: list[AnchorReceipt],
    head: Checkpoint,
    root_at: RootAt,
    size: int,
) -> list[AnchorCheck]:
    """What the contract knows without any receipt: receipts can be deleted, its memory cannot."""
    if not size:
        return []
    root = chain.root_at(anchor_id(head.origin), size)
    said = f"{config.name} holds root {root.hex() if root else 'none'} at {size} entries"
    if size > head.size:
        return [
            whole(
                config,
                Answer.WRONG,
                Reason.ROLLED_BACK,
                f"{config.name} holds an anchor of {size} entries of this log, which has only "
                f"{head.size}: it was rolled back",
                said,
            )
        ]
    here = root_at(size)
    if root != here:
        return [
            whole(
                config,
                Answer.WRONG,
                Reason.ANCHOR_CONFLICT,
                f"{config.name} holds another root at {size} entries than this log: two histories "
                "were signed",
                said,
                f"this log: root {here.hex()} at {size} entries of {head.origin}",
            )
        ]
    known = max((receipt.size for receipt in own), default=0)
    if size > known:
        return [
            whole(
                config,
                Answer.WRONG,
                Reason.ANCHOR_MISSING,
                f"{config.name} holds an anchor of {size} entries, the newest receipt here is of "
                f"{known}: receipts were deleted",
                said,
            )
        ]
    return []
