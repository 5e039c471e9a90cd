"""The head of a log: its checkpoint, checked against the trusted keys and what was seen before."""

from dataclasses import dataclass

from provenance.checkpoint import Checkpoint, parse_checkpoint
from provenance.ed25519 import Ed25519Verifier, fingerprint
from provenance.errors import LogError, LogMissingError, Reason, TamperedError
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.note import LARGEST_NOTE, open_note, split_note
from provenance.pins import Pins, Place, check_against_pin


@dataclass(frozen=True)
class Head:
    """A verified checkpoint.

    Args:
        checkpoint: which log, how many entries, which root.
        signer: fingerprint of the trusted key that signed it.
        pinned: the largest head of this log that this user saw before, if any.
        place: what this user knows of the folder, if anything.
    """

    checkpoint: Checkpoint
    signer: str
    pinned: Checkpoint | None
    place: Place | None


def read_head(layout: Layout, store: KeyStore) -> Head:
    """Read and verify the checkpoint.

    Raises:
        LogMissingError: no log was ever here.
        TamperedError: LOG_MISSING, LOG_REPLACED, CHECKPOINT_MISSING, BAD_CHECKPOINT, BAD_SIGNATURE,
            UNTRUSTED_KEY, ROLLED_BACK or HISTORY_REWRITTEN.
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
    try:
        opened = open_note(note, store.verifiers(origin))
    except TamperedError as error:
        raise TamperedError(
            f"{layout.checkpoint}: {error}{_advice(error, store)}", error.reason
        ) from error
    checkpoint = parse_checkpoint(opened.text)
    if place is not None and place.origin != checkpoint.origin:
        raise TamperedError(
            f"{layout.folder} held the log {place.origin}, now it holds {checkpoint.origin}: "
            "restore the former",
            Reason.LOG_REPLACED,
        )
    check_against_pin(checkpoint, pinned)
    return Head(checkpoint, _signer(opened.signed_by), pinned, place)


def _read_checkpoint(layout: Layout, place: Place | None) -> bytes:
    try:
        with layout.checkpoint.open("rb") as file:
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


def _advice(error: TamperedError, store: KeyStore) -> str:
    if error.reason is not Reason.UNTRUSTED_KEY:
        return ""
    return (
        f"; if you trust the signer, get its public key from them and put it into "
        f"{store.folder / 'trusted'}/NAME.pub"
    )


def _signer(signed_by: tuple[object, ...]) -> str:
    return ", ".join(
        fingerprint(verifier.key) for verifier in signed_by if isinstance(verifier, Ed25519Verifier)
    )
