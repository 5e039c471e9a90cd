"""What anchors cost: spent so far, and an estimate for the next one."""

from collections.abc import Iterable

from provenance.anchors.chain import Mode
from provenance.anchors.config import ChainConfig
from provenance.anchors.receipt import AnchorReceipt

GWEI = 10**9

GAS = {Mode.CONTRACT: 70_000, Mode.CALLDATA: 26_000, Mode.MEMO: 1_000}
"""Of one anchor, until one was made here: EVM gas, Solana compute units, rounded up."""

LAMPORTS = 5_000
"""Solana's base fee per signature; the memo's compute units cost nothing without a priority fee."""

DECIMALS = {"evm": 18, "solana": 9}
CURRENCIES = {"1": "ETH", "137": "POL", "56": "BNB"}


def spent(sent: Iterable[AnchorReceipt]) -> tuple[int, int]:
    """Gas and fee of these anchors, as far as their chains told them."""
    gas = fee = 0
    for receipt in sent:
        gas += receipt.gas or 0
        fee += receipt.fee or 0
    return gas, fee


def currency(config: ChainConfig) -> str:
    """What the fee is paid in."""
    if config.kind == "solana":
        return "SOL"
    return CURRENCIES.get(config.chain_id or "", "ETH")


def estimate(config: ChainConfig, newest: AnchorReceipt | None) -> tuple[int, int | None]:
    """Gas and fee of the next anchor, without asking the chain.

    Args:
        config: with the gas price to reckon with.
        newest: the last anchor there; its gas is the best guess.

    Returns:
        gas, and the fee in the smallest unit; None where no gas price is configured.
    """
    gas = newest.gas if newest is not None and newest.gas else GAS[config.mode]
    if config.kind == "solana":
        return gas, LAMPORTS
    if config.gas_price_gwei is None:
        return gas, None
    return gas, int(gas * config.gas_price_gwei * GWEI)


def in_coins(fee: int, config: ChainConfig) -> str:
    """A fee for people: 0.000123 ETH."""
    text = f"{fee / 10 ** DECIMALS[config.kind]:.9f}".rstrip("0").rstrip(".")
    return f"{text} {currency(config)}"
