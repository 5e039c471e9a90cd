"""The outbox: bring the signed head to every chain, and follow what was sent until it is final.

Nothing is queued anywhere: what is to be sent is the head, if it is newer than the newest receipt.
Two workers do not clash: each chain is advanced under a lock of its own. No error leaves `work`;
what went wrong is in CHAIN.status and in the receipts, and the next pass tries again.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from provenance.anchors.chain import Chain, ChainError, ChainRefusedError
from provenance.anchors.config import AnchorConfig, ChainConfig
from provenance.anchors.follow import follow, hand_over
from provenance.anchors.held import held_already
from provenance.anchors.receipt import (
    AnchorReceipt,
    Progress,
    anchors_folder,
    receipt_file,
    receipts,
    write_receipt,
)
from provenance.anchors.status import Tried, read_tried, write_tried
from provenance.checkpoint import Checkpoint
from provenance.durable import locked
from provenance.errors import LogBusyError, Reason, TamperedError
from provenance.head import read_head
from provenance.history import History
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.seen import Seen

LOCK_PATIENCE_S = 30.0

_LOG = logging.getLogger(__name__)


@dataclass
class Outbox:
    """Advances the anchors of one log.

    Args:
        layout: of the log.
        store: whose keys are trusted, and where the accounts' keys are.
        config: which chains, and how.
        open_chain: makes the chain of a configuration.
        now: the clock.
        say: told each step, for people.
    """

    layout: Layout
    store: KeyStore
    config: AnchorConfig
    open_chain: Callable[[ChainConfig], Chain]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    say: Callable[[str], None] = _LOG.info

    def work(self, *, now: bool = False) -> bool:
        """One pass over all chains.

        Args:
            now: send even if it was tried a moment ago, or too few entries are new.

        Returns:
            whether every chain was reached and holds the newest head for good.
        """
        done = [self._guarded(chain, now) for chain in self.config.chains]
        return all(done)

    def _guarded(self, config: ChainConfig, force: bool) -> bool:
        try:
            anchors_folder(self.layout).mkdir(exist_ok=True)
            with locked(anchors_folder(self.layout) / f"{config.name}.lock", LOCK_PATIENCE_S):
                return self._advance(config, force)
        except LogBusyError:
            self.say(f"{config.name}: another worker is at it")
        except OSError as error:  # the folder of the log cannot be written
            self.say(f"{config.name}: {error}")
        return False

    def _advance(self, config: ChainConfig, force: bool) -> bool:
        tried = read_tried(self.layout, config.name)
        if not force and not tried.may_try(self.now()):
            self.say(f"{config.name}: waits until {tried.not_before} ({tried.error})")
            return False
        try:
            done = self._pass(config, force)
        except Exception as error:
            # Whatever it is, a person finds it in `cairn anchor status`; a worker has nobody to
            # raise to, and the other chains have their turn.
            kind = "" if isinstance(error, ChainError) else f"{type(error).__name__}: "
            tried = tried.failed(f"{kind}{error}", self.now(), self.config.poll_seconds)
            self.say(f"{config.name}: {tried.error}; next try after {tried.not_before}")
            done = False
        else:
            tried = Tried(tried=self.now().isoformat(timespec="seconds"))
        write_tried(self.layout, config.name, tried)
        return done

    def _pass(self, config: ChainConfig, force: bool) -> bool:
        head = read_head(self.layout, self.store).checkpoint
        own = self._own(config, head)
        due = self._due(config, head, own, force)
        if not (due or force) and not any(receipt.open for receipt in own):
            return bool(own) and own[-1].size == head.size
        if due:
            self._vet(head)  # never anchor a history that contradicts an earlier anchor
        chain = self.open_chain(config)
        try:
            lost = self._lost(chain, own) if force else []
            for receipt in own:
                if receipt.open or receipt in lost:
                    self._tend(chain, config, receipt, own[-1].size, head)
            if due:
                self._send(chain, config, head)
        finally:
            chain.close()
        own = self._own(config, head)
        return bool(own) and own[-1].size == head.size and not any(one.open for one in own)

    def _lost(self, chain: Chain, own: list[AnchorReceipt]) -> list[AnchorReceipt]:
        """Anchors that were final and are not on the chain any more: what is final can still go
        with a chain that is restored from an old copy, as an embedded one."""
        lost = []
        for receipt in reversed([one for one in own if one.progress is Progress.FINAL]):
            if follow(chain, receipt, self.now()).progress is Progress.FINAL:
                break
            lost.append(receipt)
        return lost

    def _tend(
        self,
        chain: Chain,
        config: ChainConfig,
        receipt: AnchorReceipt,
        newest: int,
        head: Checkpoint,
    ) -> None:
        """Advance one receipt that is not final."""
        if receipt.sent is None and receipt.size < max(newest, head.size):
            # Never sent, and no longer the newest: nobody outside was told of it.
            (anchors_folder(self.layout) / receipt_file(receipt.chain, receipt.size)).unlink()
            return
        if receipt.progress is not Progress.QUEUED:
            receipt = self._keep(follow(chain, receipt, self.now()))
        if receipt.progress is Progress.QUEUED and receipt.size < newest:
            receipt = self._keep(replace(receipt, progress=Progress.SUPERSEDED))
        if self._stuck(config, receipt):
            self._vet(head)
            self._post(chain, receipt)

    def _stuck(self, config: ChainConfig, receipt: AnchorReceipt) -> bool:
        if receipt.progress is Progress.QUEUED:
            return True
        if receipt.progress is not Progress.SENT or receipt.sent_at is None or receipt.error:
            return False
        waited = self.now() - datetime.fromisoformat(receipt.sent_at)
        return waited.total_seconds() > config.resend_seconds

    def _send(self, chain: Chain, config: ChainConfig, head: Checkpoint) -> None:
        receipt = AnchorReceipt(
            chain=config.name,
            kind=config.kind,
            origin=head.origin,
            size=head.size,
            root=head.root.hex(),
            created=self.now().isoformat(timespec="seconds"),
        )
        self._post(chain, receipt)

    def _post(self, chain: Chain, receipt: AnchorReceipt) -> None:
        # On disk before anything is sent: killed in between, the next pass knows that it was tried.
        receipt = self._keep(replace(receipt, attempts=receipt.attempts + 1))
        try:
            receipt = self._keep(hand_over(chain, receipt, self.now()))
        except ChainError as error:
            refused = isinstance(error, ChainRefusedError)
            if refused and (held := held_already(chain, receipt, self.layout, self.store)):
                self._keep(held)
                return
            self._keep(replace(receipt, error=str(error)))
            raise
        self.say(f"{receipt.chain}: {receipt.size} entries sent, transaction {_tx(receipt)}")
        receipt = self._keep(follow(chain, receipt, self.now()))
        if receipt.progress is Progress.QUEUED:  # it cost a fee: not again before the next wait
            raise ChainRefusedError(receipt.error)
        self.say(f"{receipt.chain}: {receipt.progress.value}")

    def _due(
        self, config: ChainConfig, head: Checkpoint, own: list[AnchorReceipt], force: bool
    ) -> bool:
        newest = own[-1] if own else None
        if newest is not None and newest.size > head.size:
            raise TamperedError(
                f"the log holds {head.size} entries, but {newest.size} were anchored on "
                f"{config.name}: it was rolled back",
                Reason.ROLLED_BACK,
            )
        if head.size == 0 or (newest is not None and newest.size == head.size):
            return False
        said = [receipt for receipt in own if receipt.sent is not None]
        if force or not said:
            return True
        age = self.now() - datetime.fromisoformat(said[-1].created)
        return (
            head.size - said[-1].size >= config.min_new_entries
            and age.total_seconds() >= config.min_interval_seconds
        )

    def _own(self, config: ChainConfig, head: Checkpoint) -> list[AnchorReceipt]:
        return [
            receipt
            for receipt in receipts(self.layout)
            if receipt.chain == config.name and receipt.origin == head.origin
        ]

    def _vet(self, head: Checkpoint) -> None:
        """Refuse to anchor what contradicts an anchor of any chain.

        Raises:
            TamperedError: the log is not as it was signed, or not as it was anchored.
        """
        seen = [
            Seen(receipt.head, f"the {receipt.name}")
            for receipt in receipts(self.layout)
            if receipt.origin == head.origin and receipt.sent is not None
        ]
        History(self.layout, head.origin).extend(head, seen)

    def _keep(self, receipt: AnchorReceipt) -> AnchorReceipt:
        write_receipt(self.layout, receipt)
        return receipt


def _tx(receipt: AnchorReceipt) -> str:
    return receipt.sent.tx if receipt.sent else ""
