"""What a contract that refuses an anchor holds instead of it."""

from dataclasses import replace

from provenance.anchors.chain import Chain
from provenance.anchors.receipt import AnchorReceipt, Progress
from provenance.errors import Reason, TamperedError
from provenance.head import read_head
from provenance.history import History
from provenance.keys import KeyStore
from provenance.layout import Layout


def held_already(
    chain: Chain, receipt: AnchorReceipt, layout: Layout, store: KeyStore
) -> AnchorReceipt | None:
    """The receipt, as done, where the contract holds its claim or a larger one of this log.

    So it is after a worker was killed between sending and noting the transaction, and where two
    machines anchor the same log.

    Returns:
        None if the contract holds less, or there is none: the refusal has another reason.

    Raises:
        TamperedError: ANCHOR_CONFLICT, it holds another root; ROLLED_BACK, more than the log.
        ChainError: as the chain.
    """
    claim = receipt.claim
    size = chain.head_size(claim.log_id)
    if size is None or size < claim.size:
        return None
    head = read_head(layout, store).checkpoint
    if size > head.size:
        raise TamperedError(
            f"the contract on {receipt.chain} holds {size} entries of this log, but only "
            f"{head.size} are here: it was rolled back",
            Reason.ROLLED_BACK,
        )
    root = chain.root_at(claim.log_id, size)
    history = History(layout, head.origin)
    history.extend(head)
    if root != history.root_at(size):
        raise TamperedError(
            f"the contract on {receipt.chain} holds another root at {size} entries "
            f"({root.hex() if root else 'none'}) than this log ({history.root_at(size).hex()}): "
            "two histories were signed",
            Reason.ANCHOR_CONFLICT,
        )
    return replace(
        receipt,
        progress=Progress.SUPERSEDED,
        error=f"the contract holds {size} entries already",
    )
