"""The key store: one identity per user, those of others that this user trusts, and pins.

    KEYS/ed25519.pem  rsa.pem     private keys that sign heads, PKCS#8, mode 0600
    KEYS/ec.pem                   the P-256 key of OMS bundles, made when one is first asked for
    KEYS/*.pub                    their public halves; `cairn keys export` prints them as one
    KEYS/trusted/NAME.pub         public keys of others whose logs are accepted
    KEYS/retired/FINGERPRINT/     own keys from before a rotation
    KEYS/revoked.json             up to where the keys of others and former ones count
    KEYS/pins/, places/           what this user has seen of each log (provenance/pins.py)

It lives outside the workspace: who can rewrite the log must not find the key or the pins beside it.

New keys are encrypted if CAIRN_KEY_PASSPHRASE is set. Otherwise they are not, so that a scheduled
run needs nobody: then whoever can read the user's files, or a backup of them, can sign as the user.
File modes keep other users out, not root, not malware and not a stolen disk. `cairn keys protect`
encrypts them later. Encryption does not help against someone who runs programs as this user while
the passphrase is in the environment or the keyring open; pins and anchors show what such a thief
rewrites, and rotation ends it.
"""

import contextlib
import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from provenance import keyfiles, passphrase
from provenance.durable import fsync_folder, locked, replace_file
from provenance.ed25519 import Ed25519Signer, fingerprint
from provenance.errors import KeyStoreError, LogError
from provenance.identity import Identity
from provenance.keyfiles import PrivateKey
from provenance.limits import Limit, add_limits, read_limits
from provenance.note import Signer, Verifier
from provenance.rsa import RsaSigner

OWN = "own"


def default_keys() -> Path:
    """$CAIRN_KEYS, else $XDG_CONFIG_HOME/cairn/keys, else ~/.config/cairn/keys.

    Raises:
        KeyStoreError: a file is there.
    """
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    chosen = os.environ.get("CAIRN_KEYS") or f"{config}/cairn/keys"
    folder = Path(chosen).expanduser().absolute()
    if folder.is_file():
        raise KeyStoreError(
            f"the key store {folder} is a file: set CAIRN_KEYS to a folder, which may be missing"
        )
    return folder


@dataclass(frozen=True)
class KeyStore:
    """The folder that holds the keys; nothing is made until something must be signed."""

    folder: Path

    @property
    def private_file(self) -> Path:
        return self.folder / "ed25519.pem"

    @property
    def public_file(self) -> Path:
        return self.folder / "ed25519.pub"

    @property
    def trusted_folder(self) -> Path:
        return self.folder / "trusted"

    @property
    def account(self) -> str:
        """Under which the keyring holds the passphrase."""
        return str(self.folder)

    def refuse_inside(self, workspace: Path) -> None:
        """Keys inside the workspace would travel with every copy of it.

        Raises:
            KeyStoreError: this store lies below `workspace`.
        """
        if self.folder.resolve().is_relative_to(workspace.resolve()):
            raise KeyStoreError(
                f"the key store {self.folder} lies inside the workspace {workspace}: set "
                "CAIRN_KEYS to a folder outside it, or unset it to use ~/.config/cairn/keys"
            )

    def own(self) -> Identity | None:
        """The own identity, if there is one yet."""
        if self._moving.exists():
            with contextlib.suppress(OSError, LogError):  # a reader who cannot write reads on
                self.settle()
        return _identity(OWN, self.folder)

    def identities(self) -> tuple[Identity, ...]:
        """The own identity, if there is one, then those in `trusted/`, by file name.

        Raises:
            KeyStoreError: a file in the store holds no such keys, or an RSA key below 2048 bits.
        """
        own = self.own()
        trusted = (
            _parse(path.stem, _bytes(path), path)
            for path in sorted(self.trusted_folder.glob("*.pub"))
        )
        return ((own,) if own else ()) + tuple(trusted)

    def retired(self) -> tuple[Identity, ...]:
        """Own identities from before a rotation; they count up to a limit, see `limits`."""
        folders = sorted((self.folder / "retired").glob("*"))
        return tuple(one for folder in folders if (one := _identity("own, former", folder)))

    def verifiers(self, origin: str) -> list[Verifier]:
        """One verifier per trusted key, under the name of a log; `identities` says who is who."""
        return [item for one in self.identities() for item in one.verifiers(origin)]

    def signer(self, origin: str) -> Ed25519Signer:
        """The own Ed25519 key under the name of a log; made at first use.

        Raises:
            KeyStoreError: unreadable, open to others, encrypted otherwise than expected.
        """
        return Ed25519Signer(origin, self.ed25519_key())

    def signers(self, origin: str) -> tuple[Signer, ...]:
        """Everything that signs a head, Ed25519 first; made at first use.

        Cheap enough to be asked at every commit, so that a rotation counts at once everywhere.

        Raises:
            KeyStoreError: as `signer`; or the own keys were revoked in this log.
        """
        self.settle()
        ed25519 = self.ed25519_key()
        file = self.private_file.stat().st_ino
        rsa = self.rsa_key()
        if self._moving.exists() or self.private_file.stat().st_ino != file:
            return self.signers(origin)  # another process changes the keys at this moment
        mine = fingerprint(ed25519.public_key())
        if limit := self.limits(origin).get(mine):
            raise KeyStoreError(
                f"your keys {mine} were revoked in this log beyond {limit.until} entries: "
                "nothing can be signed with them"
            )
        return (Ed25519Signer(origin, ed25519), RsaSigner(origin, rsa))

    def ed25519_key(self) -> Ed25519PrivateKey:
        """The private key of the own identity, made at first use."""
        return cast(Ed25519PrivateKey, self._key("ed25519")[0])

    def rsa_key(self) -> RSAPrivateKey:
        """RSA-2048, made at first use; signs heads and statements."""
        return cast(RSAPrivateKey, self._key("rsa")[0])

    def ec_key(self) -> EllipticCurvePrivateKey:
        """P-256, made at first use; signs OMS bundles, which take no other kind."""
        return cast(EllipticCurvePrivateKey, self._key("ec")[0])

    def public_bundle(self) -> tuple[str, bytes]:
        """Fingerprint of the own identity, and the PEM of its public keys.

        Raises:
            KeyStoreError: there is none yet.
        """
        own = self.own()
        if own is None and self.private_file.exists():
            raise KeyStoreError(
                f"{self.public_file} is missing: make it of the private key beside it, with "
                f"openssl pkey -in {self.private_file} -pubout -out {self.public_file}"
            )
        if own is None:
            raise KeyStoreError(f"there are no keys in {self.folder} yet: the first run makes them")
        return own.fingerprint, own.pem()

    def limits(self, origin: str) -> dict[str, Limit]:
        """Up to where keys count in a log, by fingerprint, as far as this user learned it."""
        return read_limits(self.folder / "revoked.json", origin)

    def learn(self, origin: str, limits: Mapping[str, Limit]) -> None:
        """Remember that keys count no further."""
        if limits:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            add_limits(self.folder / "revoked.json", origin, dict(limits))

    def private_files(self) -> list[Path]:
        """All private keys, former ones and those that pay for anchors too."""
        names = [f"{kind}.pem" for kind in keyfiles.KINDS]
        folders = [self.folder, *sorted((self.folder / "retired").glob("*"))]
        paths = [folder / name for folder in folders for name in names]
        paths += [self.folder / "chains" / f"{kind}.pem" for kind in keyfiles.ACCOUNTS]
        return [path for path in paths if path.exists()]

    def retire(self, origin: str, until: int) -> None:
        """Make new keys and move the present ones to `retired/`; a crash is made up for later.

        Args:
            origin: of the log for which it happens.
            until: the largest head of it that the present keys may have signed.
        """
        self.settle()
        phrase = self._key("ed25519")[1]
        ahead, old = self.folder / "next", fingerprint(self.ed25519_key().public_key())
        with locked(self.folder / "lock"):
            ahead.mkdir(mode=0o700, exist_ok=True)
            for path in ahead.iterdir():
                path.unlink()  # of a rotation that was given up
            for kind in keyfiles.KINDS:
                if kind != "ec" or (self.folder / "ec.pem").exists():
                    key = keyfiles.generate(kind)
                    path = ahead / f"{kind}.pem"
                    keyfiles.create_file(path, keyfiles.encode(key, phrase), 0o600)
                    keyfiles.show_public(path, key)
            heir = _identity(OWN, ahead)
            plan = {"old": old, "new": heir.fingerprint if heir else "", "until": until}
            replace_file(self._moving, json.dumps({"log": origin} | plan).encode(), mode=0o600)
        self.settle()

    def settle(self) -> None:
        """Finish a rotation of files that was begun: from the marker on there is no way back."""
        if not self._moving.exists():
            return
        with locked(self.folder / "lock"):
            if not self._moving.exists():
                return  # another process did it
            plan = orjson.loads(self._moving.read_bytes())
            aside = self.folder / "retired" / plan["old"]
            aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(self._moving.parent.glob("*.p[eu][mb]")):
                present = self.folder / path.name
                with contextlib.suppress(FileExistsError, FileNotFoundError):
                    os.link(present, aside / path.name)
                path.replace(present)
            for folder in (aside, self.folder):
                fsync_folder(folder)
        self.learn(plan["log"], {plan["old"]: Limit(plan["until"], plan["new"])})
        self._moving.unlink(missing_ok=True)

    @property
    def _moving(self) -> Path:
        return self.folder / "next" / "MOVING"

    def _key(self, kind: str) -> tuple[PrivateKey, bytes | None]:
        path = self.folder / f"{kind}.pem"
        if not path.exists():
            # One passphrase for all: the one that opens the first key.
            phrase = passphrase.given() if kind == "ed25519" else self._key("ed25519")[1]
            self._create(path, phrase)
        key, phrase = keyfiles.load(path, self.account)
        keyfiles.show_public(path, key)
        return key, phrase

    def _create(self, path: Path, phrase: bytes | None) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            pem = keyfiles.encode(keyfiles.generate(path.stem), phrase)
            keyfiles.create_file(path, pem, 0o600)
        except OSError as error:
            raise KeyStoreError(
                f"no signing key could be made in {self.folder} ({error.strerror}): set CAIRN_KEYS "
                "to a folder that you can write to"
            ) from error


def _identity(name: str, folder: Path) -> Identity | None:
    files = [path for kind in keyfiles.KINDS if (path := folder / f"{kind}.pub").exists()]
    if not files or files[0].stem != "ed25519":
        return None
    try:
        return _parse(name, b"".join(_bytes(path) for path in files), folder)
    except KeyStoreError:
        for path in files:
            keyfiles.read_public(path)  # the error that names the file
        raise


@functools.lru_cache(maxsize=256)  # read at every append; the bytes are the key
def _parse(name: str, pem: bytes, where: Path) -> Identity:
    return Identity.parse(name, pem, where)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyStoreError(f"{path} cannot be read ({error.strerror})") from error
