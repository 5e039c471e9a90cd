"""Write the statements of a release: provenance.dsse.json, model.sig and receipt.txt."""

from collections.abc import Mapping
from pathlib import Path

from provenance.body import inputs_of
from provenance.durable import replace_file
from provenance.entry import Entry
from provenance.errors import (
    ChangedWhileHashingError,
    LogError,
    Reason,
    TamperedError,
    UnhashableError,
)
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.log import Log
from provenance.receipt import make_receipt
from provenance.statements.dsse import sign_envelope
from provenance.statements.oms import make_bundle
from provenance.statements.place import (
    BUNDLE,
    NAMES,
    RECEIPT,
    REGISTRY_NOTE,
    STATEMENT,
    digests_inside,
    run_of,
    title,
)
from provenance.statements.sha256 import digests_of
from provenance.statements.slsa import PREDICATE_TYPE, Known, Story, predicate
from provenance.statements.statement import Statement


def write_statements(
    folder: Path,
    entry: Entry,
    log: Log,
    store: KeyStore,
    *,
    known: Known | None = None,
    started: str | None = None,
) -> tuple[Path, Path, Path]:
    """Sign what the log says about a release, and put it into the version's folder.

    Every file is read again first: nothing is signed that the log does not vouch for. Writing a
    second time replaces all three.

    Args:
        folder: of the version, as `version_folder` gives it, or a download of it.
        entry: the release's, as `release_entry` gives it.
        log: that holds it.
        store: with the keys that sign.
        known: other digests of dependencies, see `slsa.predicate`.
        started: when the run began, ISO 8601.

    Returns:
        the three files, in the order above.

    Raises:
        TamperedError: a file is not what was released, or is gone.
        UnhashableError: the release holds no files.
        KeyStoreError: no usable key.
        LogError: the files cannot be written, or the log does not know the release's run.
    """
    found = {path: _verified(folder / path, it) for path, it in digests_inside(entry).items()}
    bundle = make_bundle(
        title(entry),
        {path: digests["sha256"] for path, digests in found.items()},
        store.ec_key(),
        ignored=(*NAMES, REGISTRY_NOTE),
    )
    told = predicate(_story(log, entry), known or {}, started)
    statement = sign_envelope(Statement(found, PREDICATE_TYPE, told).encode(), store.rsa_key())
    made = {STATEMENT: statement, BUNDLE: bundle, RECEIPT: make_receipt(log, entry.seq)}
    try:
        for name, data in made.items():
            replace_file(folder / name, data)
    except OSError as error:
        raise LogError(
            f"{folder}: the release's statements cannot be written ({error.strerror}); release "
            "again when they can"
        ) from error
    return folder / STATEMENT, folder / BUNDLE, folder / RECEIPT


def _verified(path: Path, expected: str) -> Mapping[str, str]:
    said = f"{path}: released with blake3 {expected[:8]}..."
    try:
        found = digests_of(path)
    except FileNotFoundError:
        raise TamperedError(
            f"{said}, found nothing", Reason.ARTIFACT_MISSING, path=str(path)
        ) from None
    except (UnhashableError, ChangedWhileHashingError) as error:
        raise TamperedError(f"{said}: {error}", Reason.ARTIFACT_REFUSED, path=str(path)) from error
    if found["blake3"] != expected:
        raise TamperedError(
            f"{said}, found {found['blake3'][:8]}...; nothing was signed",
            Reason.ARTIFACT_CHANGED,
            path=str(path),
        )
    return found


def _story(log: Log, entry: Entry) -> Story:
    run = log.find(run_of(entry))
    if run is None:
        raise LogError(f"run {run_of(entry)} of release entry {entry.seq} is not in the log")
    entries = {found.seq: found for found in log.entries()}
    upstream: set[int] = set()
    pending = [run]
    while pending:
        for record in inputs_of(pending.pop().body):
            source = record.get("entry")
            if source in entries and source not in upstream:
                upstream.add(source)
                pending.append(entries[source])
    runs = [entries[seq] for seq in sorted(upstream)]
    layout = Layout(log.folder)
    digests = {record["blake3"] for made in (*runs, run) for record in inputs_of(made.body)}
    folders = frozenset(digest for digest in digests if layout.listing(digest).exists())
    return Story(log.origin, entry, run, runs, folders)
