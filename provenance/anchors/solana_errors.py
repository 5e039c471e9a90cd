"""What a Solana node's error means.

The code of most is -32002 (the transaction failed in simulation); the reason is in `data.err`, a
text or an object, and again in the message. Some nodes leave `data` out: then the message decides.
https://solana.com/docs/rpc
"""

from typing import Any, Never

from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError

_SAME_AGAIN = ("alreadyprocessed", "already been processed")
_NO_FUNDS = (
    "insufficientfundsforfee",
    "insufficientfundsforrent",
    "accountnotfound",
    "insufficient funds",
    "insufficient lamports",
    "no record of a prior credit",
)


def is_replay(error: dict[str, Any]) -> bool:
    """Whether the node says that it has executed this very transaction already."""
    return any(known in _text(error) for known in _SAME_AGAIN)


def refuse(chain: str, method: str, error: dict[str, Any]) -> Never:
    """Raise what an error means.

    Raises:
        ChainRefusedError: the account cannot pay.
        ChainUnavailableError: anything else: an outdated blockhash, a node behind, a limit.
    """
    shown = str(error.get("message", error))[:200]
    if any(known in _text(error) for known in _NO_FUNDS):
        raise ChainRefusedError(f"{chain}: the account cannot pay for an anchor ({shown})")
    raise ChainUnavailableError(f"{chain}: {method} failed ({error.get('code')}: {shown})")


def _text(error: dict[str, Any]) -> str:
    data = error.get("data")
    cause = data.get("err") if isinstance(data, dict) else data
    return f"{cause} {error.get('message')}".lower()
