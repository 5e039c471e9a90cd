"""What a transaction on an EVM chain may cost: fee fields, limits, and estimates.

EIP-1559 where blocks carry a base fee, a plain gas price where they do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError, Mode

if TYPE_CHECKING:
    from web3 import Web3

GWEI = 10**9

# Gas of the first anchor of a log, measured on py-evm and on anvil; a later one takes less.
TYPICAL_GAS = {Mode.CONTRACT: 68_800, Mode.CALLDATA: 24_000}

# More than any anchor needs. A node that asks for more is wrong, or wants our money burnt.
LARGEST_GAS = 400_000
LARGEST_DEPLOYMENT_GAS = 2_000_000

# A node may not ask for more than this many times the gas price that the configuration expects.
PRICE_FACTOR = 10

# Nodes take a transaction in place of a waiting one from 10 % more on (geth's default price bump).
_BUMP_EIGHTHS = 9

_CURRENCIES = {
    "1": "ETH", "11155111": "ETH", "137": "POL", "80002": "POL", "56": "BNB", "97": "BNB",
}  # fmt: skip


def currency(chain_id: str) -> str:
    """In what a chain's fees are paid; "ETH" for chains not known here."""
    return _CURRENCIES.get(chain_id, "ETH")


def fee_fields(web3: Web3, expected_gwei: float | None) -> dict[str, int]:
    """The fee fields of a transaction that should get in soon.

    Args:
        web3: connected.
        expected_gwei: gas price that the configuration expects, in gwei; None: any is paid.

    Raises:
        ChainRefusedError: the node asks for much more than expected.
    """
    base = web3.eth.get_block("latest").get("baseFeePerGas")
    if base is None:
        price = natural(web3.eth.gas_price)
        fields = {"gasPrice": price}
    else:
        tip = natural(web3.eth.max_priority_fee)
        price = natural(base) + tip
        # Twice the base fee: it may rise by an eighth each block; what is not needed stays ours.
        fields = {"maxPriorityFeePerGas": tip, "maxFeePerGas": 2 * natural(base) + tip}
    if expected_gwei is not None and price > PRICE_FACTOR * expected_gwei * GWEI:
        raise ChainRefusedError(
            f"the node asks {price / GWEI:.3g} gwei per gas, more than {PRICE_FACTOR} times the "
            f"{expected_gwei:g} gwei expected; raise gas_price_gwei if that is meant"
        )
    return fields


def raised(fields: dict[str, int], waiting: Any) -> dict[str, int]:
    """Fee fields high enough to take the place of a waiting transaction of the same nonce.

    Args:
        fields: what would be offered now.
        waiting: that transaction, as the node tells it.
    """

    def above(name: str) -> int:
        offered = waiting.get(name) or 0
        return max(fields[name], natural(offered) * _BUMP_EIGHTHS // 8 + 1)

    return {name: above(name) for name in fields}


def gas_limit(estimate: int, *, deployment: bool = False) -> int:
    """The limit to set: the estimate and a quarter, for state may change until it is executed.

    Raises:
        ChainRefusedError: the node estimates more than an anchor can take.
    """
    most = LARGEST_DEPLOYMENT_GAS if deployment else LARGEST_GAS
    if natural(estimate) > most:
        raise ChainRefusedError(f"the node estimates {estimate} gas, {most} is the most allowed")
    return estimate + estimate // 4


def price_now(web3: Web3) -> int:
    """Wei per gas, as the node says."""
    return natural(web3.eth.gas_price)


def natural(value: object) -> int:
    """A number that a node gave, which must be a whole one, zero or more, of at most 32 bytes.

    Raises:
        ChainUnavailableError: it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**256:
        raise ChainUnavailableError(f"the node answered {str(value)[:60]!r} where a number belongs")
    return value
