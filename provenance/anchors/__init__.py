"""Anchors: the signed head, written to chains that nobody here can rewrite.

Whoever holds the signing key can write another history and sign it; whoever holds the folder can
put an old copy back. Neither can take back what a public chain has in a final block.
"""

from provenance.anchors.chain import Chain, ChainError, Claim
from provenance.anchors.config import AnchorConfig, ChainConfig
from provenance.anchors.receipt import AnchorReceipt, anchored_heads, receipts
from provenance.anchors.start import start_worker

__all__ = [
    "AnchorConfig",
    "AnchorReceipt",
    "Chain",
    "ChainConfig",
    "ChainError",
    "Claim",
    "anchored_heads",
    "receipts",
    "start_worker",
]
