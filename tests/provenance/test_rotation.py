"""New keys in place of old ones, and keys that count no further."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provenance import KeyStoreError, Log, Reason, TamperedError
from provenance.checkpoint import Checkpoint
from provenance.ed25519 import Ed25519Signer
from provenance.key_statement import body as statement_body
from provenance.key_statement import parse, revocation, rotation
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.note import sign_note
from provenance.rotation import revoke, rotate
from provenance.rsa import RsaSigner
from provenance.tree import root_of

from .attack import rechain, refused, refuses_to_append
from .conftest import Bench

NOW = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def store(bench: Bench) -> KeyStore:
    return KeyStore(bench.keys)


@pytest.fixture
def stolen(bench: Bench, log: Log, tmp_path: Path) -> KeyStore:
    """The keys as a thief copied them before the rotation."""
    shutil.copytree(bench.keys, tmp_path / "stolen")
    shutil.rmtree(tmp_path / "stolen" / "pins")
    shutil.rmtree(tmp_path / "stolen" / "places")
    return KeyStore(tmp_path / "stolen")


@pytest.fixture
def auditor(
    bench: Bench, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Bench]]:
    """Someone who trusts the keys of before the rotation, and sees the log for the first time."""
    own = KeyStore(bench.keys).own()
    assert own is not None

    def look() -> Bench:
        folder = tmp_path / "auditor"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "trusted").mkdir(parents=True)
        (folder / "trusted" / "ann.pub").write_bytes(own.pem())
        monkeypatch.setenv("CAIRN_KEYS", str(folder))
        return bench

    return look


def forge(bench: Bench, thief: KeyStore, *more: dict[str, object], drop: int = 0) -> None:
    """The log with entries added (or dropped), signed with the thief's keys; all caches gone."""
    origin = bench.checkpoint.read_text().split("\n")[0]
    bodies = [json.loads(line)["body"] for line in bench.lines()]
    bodies = [*(bodies[:-drop] if drop else bodies), *more]
    bench.entries.write_bytes(rechain(origin, bodies))
    root = root_of(bench.entries.read_bytes().splitlines())
    text = Checkpoint(origin, len(bodies), root).text()
    bench.checkpoint.write_bytes(sign_note(text, thief.signers(origin)))
    (bench.folder / "state.json").unlink(missing_ok=True)


def test_the_log_goes_on_under_new_keys(
    bench: Bench, log: Log, store: KeyStore, auditor: Callable[[], Bench]
) -> None:
    before = store.own()
    done = rotate(bench.folder, store)
    after = store.own()
    assert before is not None
    assert after is not None
    assert (done.old, done.new) == (before.fingerprint, after.fingerprint)
    assert done.old != done.new
    assert before.rsa != after.rsa
    entry = bench.open().find(f"key/rotate/{done.old}/{done.new}")
    assert entry is not None
    assert entry.seq == 6
    assert entry.body["key"]["valid_until_size"] == 6
    bench.open().append({"kind": "run", "id": "next"})
    report = bench.verify()
    assert (report.ok, report.signer) == (True, done.new)
    report = auditor().verify()  # who never saw the new public key
    assert (report.ok, report.signer) == (True, done.new)
    assert not (bench.keys / "ec.pem").exists()


def test_former_keys_are_kept_closed(bench: Bench, log: Log, store: KeyStore) -> None:
    store.ec_key()
    done = rotate(bench.folder, store)
    [former] = store.retired()
    assert former.fingerprint == done.old
    assert former.ec is not None
    own = store.own()
    assert own is not None
    assert own.ec not in (None, former.ec)
    for path in store.private_files():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(store.private_files()) == 6
    assert list((bench.keys / "next").iterdir()) == []


def test_an_open_log_signs_with_the_new_keys_at_once(
    bench: Bench, log: Log, store: KeyStore
) -> None:
    log.append({"kind": "run", "id": "before"})
    done = rotate(bench.folder, store)
    log.append({"kind": "run", "id": "after"})
    assert log.head().signer == done.new
    assert bench.verify().ok


def test_rotating_twice(
    bench: Bench, log: Log, store: KeyStore, auditor: Callable[[], Bench]
) -> None:
    first = rotate(bench.folder, store)
    second = rotate(bench.folder, store)
    assert (second.old, len({first.old, first.new, second.new})) == (first.new, 3)
    assert bench.verify().ok
    assert auditor().verify().signer == second.new


def test_without_the_file_beside_it_the_entry_is_found(
    bench: Bench, log: Log, store: KeyStore, auditor: Callable[[], Bench]
) -> None:
    done = rotate(bench.folder, store)
    (bench.folder / "keys" / f"{done.new}.json").unlink()
    assert auditor().verify().signer == done.new


def test_attack_15_a_revoked_key_signs_beyond_its_size(
    bench: Bench, log: Log, store: KeyStore, stolen: KeyStore, auditor: Callable[[], Bench]
) -> None:
    done = rotate(bench.folder, store)
    forge(bench, stolen, {"kind": "run", "id": "evil"})
    refused(bench, Reason.KEY_REVOKED, f"signed by key {done.old}, which counts up to 6 entries")
    refuses_to_append(bench)
    refused(auditor(), Reason.KEY_REVOKED, f"was replaced by {done.new}; this head has 8")


def test_attack_15_the_thief_takes_the_statement_away(
    bench: Bench, log: Log, store: KeyStore, stolen: KeyStore, auditor: Callable[[], Bench]
) -> None:
    """History rewritten from before the rotation: who learned of it refuses, pin or no pin."""
    rotate(bench.folder, store)
    shutil.rmtree(bench.folder / "keys")
    forge(bench, stolen, {"kind": "run", "id": "a"}, {"kind": "run", "id": "b"}, drop=1)
    shutil.rmtree(bench.keys / "pins")
    refused(bench, Reason.KEY_REVOKED, "counts up to 6 entries")
    assert auditor().verify().ok  # whom nobody told and no pin or anchor warns: documented


def test_a_thief_cannot_name_himself_the_successor(
    bench: Bench,
    log: Log,
    store: KeyStore,
    stolen: KeyStore,
    auditor: Callable[[], Bench],
    tmp_path: Path,
) -> None:
    rotate(bench.folder, store)
    thief = KeyStore(tmp_path / "thief")
    thief.signers(log.origin)
    old, evil = stolen.own(), thief.own()
    assert old is not None
    assert evil is not None
    claim = statement_body(
        rotation(log.origin, old, evil, 6),
        [(old, stolen.signers(log.origin)), (evil, thief.signers(log.origin))],
        NOW,
    )
    (bench.folder / "keys" / f"{evil.fingerprint}.json").write_text(json.dumps(claim))
    forge(bench, thief, claim)
    refused(bench, Reason.UNTRUSTED_KEY, "get its public keys")
    refused(auditor(), Reason.UNTRUSTED_KEY, "which no entry of the log makes the successor")


def test_a_revoked_colleague(bench: Bench, log: Log, store: KeyStore, tmp_path: Path) -> None:
    bob = KeyStore(tmp_path / "bob")
    bob.signers(log.origin)
    name, pem = bob.public_bundle()
    store.trusted_folder.mkdir()
    (store.trusted_folder / "bob.pub").write_bytes(pem)
    forge(bench, bob, {"kind": "run", "id": "of bob"})
    assert bench.verify().signer == name
    entry = revoke(bench.folder, store, name)
    assert entry.body["key"]["valid_until_size"] == 7
    assert bench.verify().ok
    forge(bench, bob, {"kind": "run", "id": "more of bob"})
    refused(bench, Reason.KEY_REVOKED, f"signed by key {name}, which counts up to 7 entries only")
    (store.folder / "revoked.json").unlink()
    refused(bench, Reason.KEY_REVOKED, "was revoked")  # the entry says so too


def test_a_revoked_signer_cannot_sign(bench: Bench, log: Log, store: KeyStore) -> None:
    own = store.own()
    assert own is not None
    with pytest.raises(KeyStoreError, match="are your present keys: take new ones first"):
        revoke(bench.folder, store, own.fingerprint)
    with pytest.raises(KeyStoreError, match="until=99: the log has 6 entries"):
        revoke(bench.folder, store, "0" * 16, until=99)
    from provenance.limits import Limit

    store.learn(log.origin, {own.fingerprint: Limit(6)})
    with pytest.raises(KeyStoreError, match="were revoked in this log beyond 6 entries"):
        store.signers(log.origin)


def test_statements_that_nobody_signed_or_that_do_not_fit(
    bench: Bench, log: Log, store: KeyStore, tmp_path: Path
) -> None:
    own = store.own()
    assert own is not None
    other = KeyStore(tmp_path / "other")
    other.signers(log.origin)
    stranger = other.own()
    assert stranger is not None
    signers = [(own, store.signers(log.origin))]
    good = statement_body(revocation(log.origin, "0" * 16, own, 3), signers, NOW)
    foreign = statement_body(revocation("elsewhere", "1" * 16, own, 3), signers, NOW)
    ahead = statement_body(revocation(log.origin, "2" * 16, own, 99), signers, NOW)
    wrong = statement_body(revocation(log.origin, "3" * 16, own, 3), signers, NOW)
    wrong["key"]["valid_until_size"] = 2
    unknown = statement_body(
        revocation(log.origin, own.fingerprint, stranger, 3),
        [(stranger, other.signers(log.origin))],
        NOW,
    )
    half = statement_body(revocation(log.origin, "4" * 16, own, 3), signers, NOW)
    half["signatures"] = half["signatures"][:1]
    from provenance.head import read_head
    from provenance.history import History
    from provenance.key_history import KeyHistory

    bench.open().append_many([good, foreign, ahead, wrong, unknown, half])
    keys = KeyHistory(log.origin, store)
    head = read_head(Layout(bench.folder), store)
    History(Layout(bench.folder), log.origin).extend(head.checkpoint, visit=[keys.visit])
    assert [(one.entry, one.reason) for one in keys.findings] == [
        (7, Reason.BAD_STATEMENT),
        (8, Reason.BAD_STATEMENT),
        (9, Reason.BAD_SIGNATURE),
        (11, Reason.BAD_SIGNATURE),
    ]
    assert set(keys.limits) == {"0" * 16}
    [note] = keys.notes
    assert note.startswith("entry 10: about keys, by ")
    keys.check(head.checkpoint, head.signer)
    assert [one.name for one in keys.identities_at(1)] == ["own"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda body: body.pop("key"),
        lambda body: body["key"].pop("log"),
        lambda body: body["key"].update(action="other"),
        lambda body: body["key"].update(more=1),
        lambda body: body["key"].update(valid_until_size=-1),
        lambda body: body["key"].update(valid_until_size=True),
        lambda body: body["key"].update(valid_until_size=2**60),
        lambda body: body["key"].update(new="0" * 16),
        lambda body: body["key"].update(old="x"),
        lambda body: body["key"].update(pem="nothing"),
        lambda body: body["key"].update(pem="\ud800"),
        lambda body: body.update(signatures={}),
        lambda body: body.update(signatures=[{}] * 17),
        lambda body: body["signatures"][0].update(sig="*"),
        lambda body: body["signatures"][0].update(keyid=1),
    ],
)
def test_malformed_statements(
    bench: Bench, log: Log, store: KeyStore, edit: Callable[[dict[str, object]], object]
) -> None:
    entry = rotate(bench.folder, store).entry
    body = json.loads(json.dumps(entry.body))
    parse(body)
    edit(body)
    with pytest.raises(TamperedError) as caught:
        parse(body)
    assert caught.value.reason is Reason.BAD_STATEMENT


def test_a_signature_over_a_statement_is_none_over_a_note(store: KeyStore, log: Log) -> None:
    own = store.own()
    assert own is not None
    body = statement_body(
        revocation(log.origin, "0" * 16, own, 1), [(own, store.signers(log.origin))], NOW
    )
    statement = parse(body)
    assert statement.is_signed_by(own)
    assert not statement.signed.startswith((b"cairn-provenance/", b"DSSEv1 "))


def test_another_log_of_the_same_user_is_carried_over(
    bench: Bench, log: Log, store: KeyStore, tmp_path: Path
) -> None:
    other = Log.open(tmp_path / "other" / ".provenance")
    other.append({"kind": "run", "id": "r0"})
    done = rotate(bench.folder, store)
    with pytest.raises(TamperedError, match="your own former keys: run cairn keys rotate in this"):
        Log.open(other.folder)
    carried = rotate(other.folder, store)
    assert (carried.old, carried.new) == (done.old, done.new)  # no new keys were made
    again = Log.open(other.folder)
    again.append({"kind": "run", "id": "r1"})
    assert again.head().signer == done.new
    assert [entry.body["kind"] for entry in again.entries()] == ["run", "key", "run"]
    assert rotate(other.folder, store).old == done.new  # now there is nothing left to finish


def test_the_one_key_of_an_older_cairn_can_be_rotated(
    bench: Bench, log: Log, store: KeyStore
) -> None:
    head, signatures = bench.checkpoint.read_bytes().split(b"\n\n")
    bench.checkpoint.write_bytes(head + b"\n\n" + signatures.splitlines(keepends=True)[0])
    for name in ("rsa.pem", "rsa.pub"):
        (bench.keys / name).unlink()
    done = rotate(bench.folder, store)
    report = bench.verify()
    assert (report.ok, report.signer) == (True, done.new)


class _CrashError(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("step", range(20))
def test_a_rotation_that_was_interrupted_is_finished(
    bench: Bench, log: Log, store: KeyStore, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Dies at the n-th change of a name; what is left verifies, and the next call ends the work."""
    calls = 0

    def dies(real: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **more: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise _CrashError
            return real(*args, **more)

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", dies(os.link))
        patch.setattr(Path, "replace", dies(Path.replace))
        patch.setattr(Path, "unlink", dies(Path.unlink))
        try:
            rotate(bench.folder, store)
            died = False
        except _CrashError:
            died = True
    assert died or step > 15, "the steps were not counted"
    assert bench.verify().ok
    if died:
        rotate(bench.folder, store)
    bench.open().append({"kind": "run", "id": "next"})
    report = bench.verify()
    assert report.ok
    own = store.own()
    assert own is not None
    assert report.signer == own.fingerprint
    kinds = [entry.body["kind"] for entry in bench.open().entries()]
    assert kinds.count("key") >= 1


def test_a_thief_of_one_of_two_keys_signs_nothing(
    bench: Bench, log: Log, store: KeyStore, tmp_path: Path
) -> None:
    other = KeyStore(tmp_path / "thief")
    mixed = [
        Ed25519Signer(log.origin, store.ed25519_key()),
        RsaSigner(log.origin, other.rsa_key()),
    ]
    text = bench.checkpoint.read_text().split("\n\n")[0] + "\n"
    bench.checkpoint.write_bytes(sign_note(text, mixed))
    refused(bench, Reason.UNTRUSTED_KEY, "but not by its RSA key")


def test_a_damaged_memory_of_revocations_is_an_error(
    bench: Bench, log: Log, store: KeyStore
) -> None:
    for bad in ("", "[]", json.dumps({log.origin: 1}), json.dumps({log.origin: {"a": {}}})):
        (bench.keys / "revoked.json").write_text(bad)
        with pytest.raises(KeyStoreError, match="it says which keys were revoked"):
            bench.verify()
