"""Open a chain by its configuration; the libraries of a chain are loaded only then."""

from collections.abc import Callable
from pathlib import Path

from provenance.anchors.accounts import secret_of
from provenance.anchors.chain import Chain
from provenance.anchors.config import ChainConfig
from provenance.anchors.ledger import Ledger
from provenance.keys import KeyStore

LEDGER_PATIENCE_S = 30.0


def open_chain(config: ChainConfig, store: KeyStore, *, create: bool) -> Chain:
    """The chain and the account that pays there; asks no network yet.

    Args:
        config: which.
        store: with the accounts' keys and the embedded chains' ledgers.
        create: make the account's key if there is none; without one, the chain can be read only.

    Raises:
        ChainRefusedError: the configuration does not fit.
        ChainUnavailableError: an embedded chain is held by another process, or damaged.
        KeyStoreError: the account's key cannot be read.
    """
    secret = secret_of(config.kind, store, create=create)
    if config.embedded:
        return _embedded(config, store, secret)
    if config.kind == "evm":
        from provenance.anchors.evm import open_evm

        return open_evm(config, secret)
    from provenance.anchors.solana import open_solana

    return open_solana(config, secret)


def _embedded(config: ChainConfig, store: KeyStore, secret: bytes | None) -> Chain:
    path = ledger_file(config, store)
    if config.kind == "evm":
        from provenance.anchors.evm_embedded import new_genesis, open_embedded_evm

        ledger = Ledger.open(path, new_genesis(), LEDGER_PATIENCE_S)
        return _or_close(ledger, lambda: open_embedded_evm(config, secret, ledger))
    from provenance.anchors import solana_embedded

    ledger = Ledger.open(path, solana_embedded.new_genesis(), LEDGER_PATIENCE_S)
    return _or_close(ledger, lambda: solana_embedded.open_embedded_solana(config, secret, ledger))


def ledger_file(config: ChainConfig, store: KeyStore) -> Path:
    """Where an embedded chain is kept: beside the keys, not beside the log."""
    return store.folder / "devnets" / f"{config.name}.jsonl"


def _or_close(ledger: Ledger, make: Callable[[], Chain]) -> Chain:
    try:
        return make()
    except BaseException:
        ledger.close()
        raise
