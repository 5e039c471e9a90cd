"""What a node's refusal of a transaction means.

JSON-RPC gives these refusals no codes of their own, so the texts of geth, reth, erigon, bor, anvil
and py-evm are read, in lower case. A text that nobody knows is taken as "try again later".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Never

from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError, NonceClashError

_SAME_AGAIN = ("already known", "known transaction", "already imported", "alreadyknown")
_CLASH = (
    "nonce too low",
    "nonce is too low",
    "replacement transaction underpriced",
    "invalid transaction nonce",
    "oldnonce",
)
_NO_FUNDS = ("insufficient funds", "cannot afford", "insufficientfunds", "insufficient balance")
_REVERTED = ("execution reverted", "revert")


@dataclass
class Verdict:
    """Filled while a transaction is handed over.

    Args:
        name: of the transaction, once it is signed.
    """

    name: str = ""


@contextmanager
def read(chain: str) -> Iterator[Verdict]:
    """Raise what a refusal inside means; swallow one that means "I have it already".

    Raises:
        NonceClashError: another transaction of the account was first.
        ChainRefusedError: no funds, or the contract says no.
        ChainUnavailableError: anything else.
    """
    from web3.exceptions import ContractLogicError, Web3Exception

    verdict = Verdict()
    try:
        yield verdict
    except (ChainRefusedError, ChainUnavailableError):
        raise
    except ContractLogicError as error:
        raise ChainRefusedError(f"{chain}: the contract refused ({_line(error)})") from error
    except (Web3Exception, ValueError, TypeError, KeyError) as error:
        _explain(chain, error, verdict)
    except Exception as error:
        if not type(error).__module__.startswith(("eth.", "eth_tester.", "eth_utils.")):
            raise
        _explain(chain, error, verdict)


def _explain(chain: str, error: Exception, verdict: Verdict) -> None:
    text = f"{type(error).__name__} {error}".lower()
    if verdict.name and any(known in text for known in _SAME_AGAIN):
        return
    _refuse(chain, error, text)


def _refuse(chain: str, error: Exception, text: str) -> Never:
    if any(known in text for known in _CLASH):
        raise NonceClashError(
            f"{chain}: another transaction of this account was first ({_line(error)})"
        ) from error
    if any(known in text for known in _NO_FUNDS):
        raise ChainRefusedError(
            f"{chain}: the account cannot pay for an anchor ({_line(error)}); send it funds"
        ) from error
    if any(known in text for known in _REVERTED):
        raise ChainRefusedError(f"{chain}: the contract refused ({_line(error)})") from error
    raise ChainUnavailableError(f"{chain}: not accepted ({_line(error)})") from error


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
