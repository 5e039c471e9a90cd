"""The whole of `cairn anchor verify`: the log itself, its receipts, then every chain."""

from collections.abc import Callable

from provenance.anchors.answer import AnchorCheck, Answer, evidence_of, whole
from provenance.anchors.ask import check_chain
from provenance.anchors.chain import Chain
from provenance.anchors.check import RootAt, check_receipts
from provenance.anchors.config import AnchorConfig, ChainConfig
from provenance.anchors.receipt import AnchorReceipt, receipts
from provenance.checkpoint import Checkpoint
from provenance.errors import ProvenanceError, Reason
from provenance.head import read_head
from provenance.history import History
from provenance.keys import KeyStore
from provenance.layout import Layout


def audit(
    layout: Layout,
    store: KeyStore,
    config: AnchorConfig,
    open_chain: Callable[[ChainConfig], Chain],
) -> list[AnchorCheck]:
    """Check the receipts against the log, and ask every chain.

    Args:
        layout: of the log.
        store: with the trusted keys.
        config: which chains.
        open_chain: makes the chain of a configuration; it need not be able to sign.

    Returns:
        at least one answer for every chain and every receipt; `exit_code` sums them up.

    Raises:
        TamperedError: the log itself is not as it was signed.
        LogError: the log or a receipt cannot be read.
    """
    head = read_head(layout, store).checkpoint
    history = History(layout, head.origin)
    history.extend(head)
    known = receipts(layout)
    checks = check_receipts(known, head, history.root_at)
    for chain in config.chains:
        checks += _chain(chain, known, head, history.root_at, open_chain)
    names = {chain.name for chain in config.chains}
    return checks + [_unknown(receipt) for receipt in known if receipt.chain not in names]


def _chain(
    config: ChainConfig,
    known: list[AnchorReceipt],
    head: Checkpoint,
    root_at: RootAt,
    open_chain: Callable[[ChainConfig], Chain],
) -> list[AnchorCheck]:
    own = [one for one in known if one.chain == config.name and one.origin == head.origin]
    try:
        chain = open_chain(config)
    except ProvenanceError as error:
        return [whole(config, Answer.NOT_CHECKED, Reason.CANNOT_CHECK, str(error))]
    try:
        return check_chain(chain, config, own, head, root_at)
    finally:
        chain.close()


def _unknown(receipt: AnchorReceipt) -> AnchorCheck:
    return AnchorCheck(
        receipt.chain,
        receipt.size,
        Answer.NOT_CHECKED,
        Reason.CANNOT_CHECK,
        f"the {receipt.name} cannot be looked up: the chain is not in the configuration",
        evidence_of(receipt),
    )
