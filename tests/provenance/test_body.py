import math
from typing import Any

import pytest
from blake3 import blake3

from provenance import (
    BodyError,
)

from .conftest import Bench

DIGEST = blake3(b"content").hexdigest()


def run(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "run", "id": name, **more}


GOOD = {"path": "x", "blake3": DIGEST, "size": 7}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ([], "body is a list, a dict is needed"),
        ({"id": "a"}, "kind=None: a string of 1 to 256"),
        ({"kind": "run"}, "id=None: a string of 1 to 256"),
        ({"kind": "run", "id": ""}, "id='': a string of 1"),
        ({"kind": "run", "id": 7}, "id=7: a string of 1"),
        ({"kind": "run", "id": "x" * 257}, "a string of 1 to 256"),
        (run("a", ts=7), "ts=7: a string with an ISO 8601"),
        (run("a", x=math.nan), "nan is not representable"),
        (run("a", x=2**60), "exceeds safe integer domain"),
        (run("a", x="\ud800"), "non-UTF-8"),
        (run("a", x="y" * (1 << 20)), "at most 1048576 are allowed; put bulk into an artifact"),
        (run("a", artifacts={}), "artifacts is a dict, a list is needed"),
        (run("a", artifacts=["x"]), "artifacts: 'x' needs path and blake3"),
        (run("a", artifacts=[{"path": "x"}]), "needs path and blake3"),
        (run("a", artifacts=[{**GOOD, "path": "../x"}]), r"path '\.\./x' has an empty, '\.' or"),
        (run("a", artifacts=[{**GOOD, "path": "/etc/x"}]), "is absolute"),
        (run("a", artifacts=[{**GOOD, "path": None}]), "path None is a NoneType"),
        (run("a", artifacts=[{**GOOD, "blake3": "AB"}]), "blake3='AB': 64 lowercase hex digits"),
        (run("a", artifacts=[{**GOOD, "blake3": 7}]), "blake3=7: 64 lowercase hex digits"),
        (run("a", artifacts=[{"path": "x", "blake3": DIGEST}]), "needs a size in bytes"),
        (run("a", artifacts=[{**GOOD, "size": -1}]), "needs a size in bytes"),
        (run("a", artifacts=[{**GOOD, "size": True}]), "needs a size in bytes"),
        (run("a", artifacts=[{**GOOD, "kept": "no"}]), "kept='no': true or false is needed"),
        (run("a", artifacts=[GOOD, GOOD]), "path 'x' is listed twice"),
        (run("a", inputs=[{**GOOD, "entry": "0"}]), "entry must be the number of an earlier entry"),
        (run("a", inputs=[{**GOOD, "path": "a//b"}]), "has an empty"),
    ],
)
def test_attack_49_what_the_log_does_not_take(bench: Bench, body: Any, why: str) -> None:
    log = bench.open()
    log.append(run("before"))
    before = bench.snapshot()
    with pytest.raises(BodyError, match=why):
        log.append(body)
    assert bench.snapshot() == before
