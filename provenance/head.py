"""The head of a log: its checkpoint, checked against the trusted keys and what was seen before."""

from dataclasses import dataclass

from provenance.checkpoint import Checkpoint, parse_checkpoint
from provenance.durable import open_regular
from provenance.errors import LogError, LogMissingError, Reason, TamperedError
from provenance.history import History
from provenance.identity import Identity, open_signed
from provenance.key_history import KeyHistory, Trust, beside, in_entries, refuse_beyond
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.note import KEY_ID_BYTES, LARGEST_NOTE, split_note
from provenance.pins import Pins, Place, check_against_pin


@dataclass(frozen=True)
class Head:
    """A verified checkpoint.

    Args:
        checkpoint: which log, how many entries, which root.
        identity: who signed it, with all keys that such a signer has.
        pinned: the largest head of this log that this user saw before, if any.
        place: what this user knows of the folder, if anything.
    """

    checkpoint: Checkpoint
    identity: Identity
    pinned: Checkpoint | None
    place: Place | None

    @property
    def signer(self) -> str:
        """Fingerprint of the identity that signed it."""
        return self.identity.fingerprint


def read_head(
    layout: Layout, store: KeyStore, *, writing: bool = False, also: tuple[Identity, ...] = ()
) -> Head:
    """Read and verify the checkpoint.

    The first time a head is signed by the successor of a trusted key, all entries are read, since
    one of them must have introduced the successor.

    Args:
        writing: the head will be signed anew, so one that an older Cairn signed with the own
            Ed25519 key alone will do, if exactly this head was seen before.
        also: identities to accept besides those of the store.

    Raises:
        LogMissingError: no log was ever here.
        TamperedError: LOG_MISSING, LOG_REPLACED, CHECKPOINT_MISSING, BAD_CHECKPOINT, BAD_SIGNATURE,
            UNTRUSTED_KEY, KEY_REVOKED, ROLLED_BACK or HISTORY_REWRITTEN; also what is wrong with
            the entries, where they are read.
        LogError, KeyStoreError: files that cannot be read.
    """
    pins = Pins(store.folder)
    place = pins.place(layout.folder)
    # Not believed yet: the origin only tells the name under which a key must have signed.
    origin = split_note(_read_checkpoint(layout, place))[0].split("\n")[0]
    # The pin is read before the checkpoint that it is compared with: writers commit first and
    # pin after, so a log that grows meanwhile is never behind.
    pinned = pins.of(origin)
    note = _read_checkpoint(layout, place)
    trust = Trust(store, origin, also)
    try:
        text, signers = _open(note, layout, trust, origin)
    except TamperedError as error:
        partly = writing and error.reason is Reason.UNTRUSTED_KEY
        if not (partly and _signed_by_older(note, store, origin, pinned)):
            raise TamperedError(
                f"{layout.checkpoint}: {error}{_advice(error, note, store, origin)}", error.reason
            ) from error
        text, signers = split_note(note)[0], store.identities()[:1]
    checkpoint = parse_checkpoint(text)
    if place is not None and place.origin != checkpoint.origin:
        raise TamperedError(
            f"{layout.folder} held the log {place.origin}, now it holds {checkpoint.origin}: "
            "restore the former",
            Reason.LOG_REPLACED,
        )
    check_against_pin(checkpoint, pinned)
    limits = trust.limits
    within = [
        one
        for one in signers
        if one.fingerprint not in limits or checkpoint.size <= limits[one.fingerprint].until
    ]
    signer = (within or signers)[0]
    refuse_beyond(checkpoint, signer.fingerprint, limits.get(signer.fingerprint))
    if not trust.knows(signer):
        _confirm(checkpoint, signer, layout, store)
    return Head(checkpoint, signer, pinned, place)


def _open(
    note: bytes, layout: Layout, trust: Trust, origin: str
) -> tuple[str, tuple[Identity, ...]]:
    try:
        opened, full = open_signed(note, origin, trust.candidates(beside(layout)))
    except TamperedError as error:
        if error.reason is not Reason.UNTRUSTED_KEY:
            raise
        found = trust.candidates(in_entries(layout))
        if all(trust.knows(one) for one in found):
            raise  # the entries name no successor either
        opened, full = open_signed(note, origin, found)
    return opened.text, full


def _confirm(head: Checkpoint, signer: Identity, layout: Layout, store: KeyStore) -> None:
    keys = KeyHistory(head.origin, store)
    History(layout, head.origin).extend(head, visit=[keys.visit])
    keys.check(head, signer.fingerprint)
    keys.learn()


def _signed_by_older(note: bytes, store: KeyStore, origin: str, pinned: Checkpoint | None) -> bool:
    """Whether the own Ed25519 key alone signed a head that was seen here, as before RSA keys."""
    own = store.own()
    if own is None or pinned is None:
        return False
    try:
        opened, _ = open_signed(note, origin, [Identity(own.name, own.ed25519)])
        return parse_checkpoint(opened.text) == pinned
    except TamperedError:
        return False


def _read_checkpoint(layout: Layout, place: Place | None) -> bytes:
    try:
        with open_regular(layout.checkpoint) as file:
            return file.read(LARGEST_NOTE + 1)
    except FileNotFoundError:
        if not layout.is_blank():
            raise TamperedError(
                f"{layout.checkpoint} is missing, though a log was begun there: restore the folder "
                "from a copy",
                Reason.CHECKPOINT_MISSING,
            ) from None
        if place is not None:
            raise TamperedError(
                f"the log {place.origin} was in {layout.folder} and is gone: restore the folder "
                "from a copy",
                Reason.LOG_MISSING,
            ) from None
        raise LogMissingError(
            f"no provenance log in {layout.folder}: run the pipeline first, or name its folder"
        ) from None
    except OSError as error:
        raise LogError(f"{layout.checkpoint} cannot be read ({error.strerror})") from error


def _advice(error: TamperedError, note: bytes, store: KeyStore, origin: str) -> str:
    if error.reason is not Reason.UNTRUSTED_KEY:
        return ""
    if "both are needed" in str(error):
        return (
            "; if it is your own log from an older Cairn, the next entry signs it with both: run "
            "the pipeline once more (cairn run)"
        )
    former = {item.key_id for one in store.retired() for item in one.verifiers(origin)}
    if any(blob[:KEY_ID_BYTES] in former for _, blob in split_note(note)[1]):
        return "; these are your own former keys: run cairn keys rotate in this workspace"
    return (
        f"; if you trust the signer, get its public keys from them and put them into "
        f"{store.trusted_folder}/NAME.pub (cairn keys trust FILE --name NAME)"
    )
