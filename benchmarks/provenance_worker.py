"""One measured call in a process of its own; prints its cost, imports excluded, as JSON.

python -m benchmarks.provenance_worker "ours first" PATH SCRATCH
"""

import contextlib
import io
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[], object]


def ours_first(path: Path, scratch: Path) -> Call:
    from provenance import Artifact
    from provenance.stat_cache import StatCache

    shutil.rmtree(scratch / "cache", ignore_errors=True)
    return lambda: Artifact.of(path, StatCache(scratch / "cache"))


def ours_again(path: Path, scratch: Path) -> Call:
    from provenance import Artifact
    from provenance.stat_cache import StatCache

    return lambda: Artifact.of(path, StatCache(scratch / "cache"))


def ours_read(path: Path, _: Path) -> Call:
    """As a verification does: every byte, no cache."""
    from provenance import Artifact

    return lambda: Artifact.of(path)


def sha256(path: Path, _: Path) -> Call:
    return _hashlib(path, "sha256")


def md5(path: Path, _: Path) -> Call:
    return _hashlib(path, "md5")


def _hashlib(path: Path, name: str) -> Call:
    import hashlib  # noqa: TID251  # the peer that is measured is hashlib itself

    def call() -> object:
        with path.open("rb") as file:
            return hashlib.file_digest(file, name)

    return call


def model_signing(path: Path, scratch: Path) -> Call:
    """Its library with its defaults: SHA-256 of every file, signed with a P-256 key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from model_signing import signing

    key = scratch / "key.pem"
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    config = signing.Config()  # type: ignore[no-untyped-call]
    config = config.use_elliptic_key_signer(private_key=key)
    return lambda: config.sign(path, scratch / "model.sig")


def dvc_add(path: Path, _: Path) -> Call:
    from dvc.repo import Repo

    repo = Repo(str(path.parent))
    return lambda: repo.add(str(path))


def dvc_status(path: Path, _: Path) -> Call:
    from dvc.repo import Repo

    repo = Repo(str(path.parent))

    def call() -> object:
        found = repo.status()
        if found:
            raise SystemExit(f"dvc found changes where there are none: {found}")
        return found

    return call


METHODS: dict[str, Callable[[Path, Path], Call]] = {
    "ours first": ours_first,
    "ours again": ours_again,
    "ours verify": ours_read,
    "hashlib sha256": sha256,
    "hashlib md5": md5,
    "model_signing sign": model_signing,
    "dvc add": dvc_add,
    "dvc status": dvc_status,
}


def cost_of(call: Call) -> dict[str, float]:
    """Wall seconds, and CPU seconds of all threads and of children that ended."""
    start, before = time.perf_counter(), _cpu()
    call()
    return {"wall": time.perf_counter() - start, "cpu": _cpu() - before}


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(arguments: list[str]) -> None:
    method, path, scratch = arguments
    call = METHODS[method](Path(path), Path(scratch))
    with contextlib.redirect_stdout(io.StringIO()):  # results only
        cost: dict[str, Any] = cost_of(call)
    print(json.dumps(cost))


if __name__ == "__main__":
    main(sys.argv[1:])
