"""Check the statements of a release: who signed them, and that they speak of this very release."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provenance.custody import CACHE
from provenance.entry import Entry
from provenance.errors import Reason, TamperedError
from provenance.identity import Identity
from provenance.receipt import check_receipt
from provenance.report import Finding
from provenance.statements import slsa
from provenance.statements.dsse import open_envelope, read_envelope
from provenance.statements.oms_read import open_bundle
from provenance.statements.oms_verify import check_folder
from provenance.statements.parsing import LARGEST, as_digest, as_object, bad, parse_object
from provenance.statements.place import (
    BUNDLE,
    RECEIPT,
    STATEMENT,
    digests_inside,
    run_of,
    title,
)
from provenance.statements.statement import Statement, parse_statement

ADVICE = "`cairn run --force release` writes the statements anew"


def check_statements(folder: Path, entry: Entry, identities: Sequence[Identity]) -> list[Finding]:
    """Check provenance.dsse.json, model.sig (with every file that it signs) and receipt.txt.

    Args:
        folder: of the version.
        entry: the release's, from a verified log.
        identities: whose signatures count.

    Returns:
        what is wrong, at most one thing for each statement and one for each file; none if all is
        right. Reasons: STATEMENT_MISSING, BAD_STATEMENT, BAD_SIGNATURE, UNTRUSTED_KEY,
        STATEMENT_MISMATCH, BAD_PROOF, BAD_PATH, and ARTIFACT_* for files that are not as signed.
    """
    checks: dict[str, Callable[[bytes], list[Finding]]] = {
        STATEMENT: lambda data: _check_statement(data, entry, identities),
        BUNDLE: lambda data: _check_bundle(data, folder, entry, identities),
        RECEIPT: lambda data: _check_receipt(data, entry, identities),
    }
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check(_read(folder / name))
        except TamperedError as error:
            message = f"{name} of {title(entry)}: {error}"
            findings.append(Finding(error.reason, message, entry.seq, str(folder / name)))
    return findings


def check_parameters(folder: Path, run: Entry) -> list[Finding]:
    """Whether a release was built with just the parameters that its run logged.

    A field that nobody knows may have steered the build past the rules, so SLSA asks verifiers to
    refuse it.

    Args:
        folder: of the version.
        run: entry of the run that released it.

    Returns:
        POLICY_VIOLATION for each parameter that is unexpected, absent or different; or what keeps
        the statement from being read.
    """
    try:
        told = read_statement(folder).predicate
        build = as_object(told.get("buildDefinition"), "buildDefinition")
        found = as_object(build.get("externalParameters"), "externalParameters")
    except TamperedError as error:
        return [Finding(error.reason, str(error), run.seq, str(folder / STATEMENT))]
    expected = run.body.get("params", {})
    return [
        Finding(
            Reason.POLICY_VIOLATION,
            f"{STATEMENT}: externalParameters.{name} is {_shown(found, name)}, run entry {run.seq} "
            f"has {_shown(expected, name)}",
            run.seq,
            str(folder / STATEMENT),
        )
        for name in sorted(found.keys() | expected.keys())
        if name not in found or name not in expected or found[name] != expected[name]
    ]


def read_statement(folder: Path) -> Statement:
    """What the provenance statement says; believe it only after `check_statements`.

    Raises:
        TamperedError: STATEMENT_MISSING, BAD_STATEMENT.
    """
    envelope = parse_object(_read(folder / STATEMENT), "the envelope")
    return parse_statement(read_envelope(envelope)[0])


def _check_statement(data: bytes, entry: Entry, identities: Sequence[Identity]) -> list[Finding]:
    keys = [one.rsa for one in identities if one.rsa is not None]
    said = parse_statement(open_envelope(data, keys))
    if said.predicate_type != slsa.PREDICATE_TYPE:
        raise bad(
            f"predicateType is {said.predicate_type[:80]!r}, {slsa.PREDICATE_TYPE} is expected"
        )
    for name, digests in said.subjects.items():
        as_digest(digests.get("sha256"), 32, f"sha256 of {name}")
    found = {name: digests.get("blake3", "") for name, digests in said.subjects.items()}
    _compare_files(found, digests_inside(entry))
    build = as_object(said.predicate.get("buildDefinition"), "buildDefinition")
    details = as_object(said.predicate.get("runDetails"), "runDetails")
    inside = as_object(build.get("internalParameters"), "internalParameters")
    builder = as_object(details.get("builder"), "builder")
    metadata = as_object(details.get("metadata"), "metadata")
    for what, value, expected in (
        ("buildType", build.get("buildType"), slsa.BUILD_TYPE),
        ("builder.id", builder.get("id"), slsa.BUILDER),
        ("invocationId", metadata.get("invocationId"), run_of(entry)),
        ("release_entry", inside.get("release_entry"), entry.seq),
    ):
        if value != expected:
            raise _mismatch(f"{what} is {str(value)[:80]!r}, {expected!r} is expected")
    return []


def _check_bundle(
    data: bytes, folder: Path, entry: Entry, identities: Sequence[Identity]
) -> list[Finding]:
    manifest = open_bundle(data, [one.ec for one in identities if one.ec is not None])
    expected = digests_inside(entry)
    if manifest.name != title(entry):
        raise _mismatch(f"it belongs to another model: {manifest.name[:80]!r}")
    _compare_names(manifest.files, expected)
    if manifest.algorithm == "blake3":
        _compare_files(manifest.files, expected)
    differing = list(_same_digests(folder, manifest.files, manifest.algorithm))
    return differing or check_folder(manifest, folder, passing=_is_cache)


def _check_receipt(data: bytes, entry: Entry, identities: Sequence[Identity]) -> list[Finding]:
    check_receipt(data, entry, identities)
    return []


def _same_digests(folder: Path, files: Mapping[str, str], algorithm: str) -> Iterator[Finding]:
    """The two statements must give a file one SHA-256; files and BLAKE3 were compared before."""
    try:
        subjects = read_statement(folder).subjects
    except TamperedError:
        return  # already a finding of its own
    for name, digests in subjects.items():
        if name in files and digests.get(algorithm, files[name]) != files[name]:
            text = f"{name}: {STATEMENT} and {BUNDLE} give it different {algorithm} digests"
            yield Finding(Reason.STATEMENT_MISMATCH, text, path=str(folder / STATEMENT))


def _compare_names(found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    if differing := sorted(found.keys() ^ expected.keys()):
        name = differing[0]
        how = "not released with it" if name in found else "released, but not signed"
        more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise _mismatch(f"it belongs to another model: {name} is {how}{more}")


def _compare_files(found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    _compare_names(found, expected)
    for name, digest in expected.items():
        if found[name] != digest:
            raise _mismatch(
                f"it belongs to another model: {name} has blake3 {found[name][:8]}... there, "
                f"released was {digest[:8]}..."
            )


def _mismatch(message: str) -> TamperedError:
    return TamperedError(message, Reason.STATEMENT_MISMATCH)


def _is_cache(path: str) -> bool:
    """Python's own: MLflow loads a version's code where it lies."""
    return CACHE in path.split("/")


def _read(path: Path) -> bytes:
    try:
        if path.is_symlink() or not path.is_file():
            raise FileNotFoundError(2, "nothing that can be read")
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise TamperedError(
            f"is missing ({error.strerror}); {ADVICE}", Reason.STATEMENT_MISSING
        ) from None


def _shown(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name])[:80] if name in values else "not there"
