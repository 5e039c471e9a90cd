"""Whatever bytes come in place of an envelope or a bundle: our errors, and no others."""

import base64
import contextlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import TamperedError
from provenance.statements.dsse import open_envelope, sign_envelope
from provenance.statements.oms import make_bundle, seal
from provenance.statements.oms_read import open_bundle
from provenance.statements.statement import Statement, parse_statement

LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["", ".", "../x", "/etc/passwd", "a\x00b", "\ud800", "sha256", "blake3"])
)
JSON = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FILES = {"config.json": "1" * 64, "weights": "2" * 64}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        at = pending.pop()
        keys = at.keys() if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        for key in keys:
            found.append((at, key))
            pending.append(at[key])
    return found


def mutated(data: st.DataObject, text: bytes) -> bytes:
    """One value replaced or removed, somewhere."""
    value = json.loads(text)
    container, key = data.draw(
        st.sampled_from(range(len(places(value)))).map(places(value).__getitem__)
    )
    if isinstance(container, dict) and data.draw(st.booleans()):
        del container[key]
    else:
        container[key] = data.draw(JSON)
    return json.dumps(value).encode()


@MANY
@given(data=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_of_any_kind(
    data: bytes, key: EllipticCurvePrivateKey, rsa_key: RSAPrivateKey
) -> None:
    for read in (
        lambda: open_bundle(data, [key.public_key()]),
        lambda: open_envelope(data, [rsa_key.public_key()]),
        lambda: parse_statement(data),
    ):
        try:
            read()
        except TamperedError:
            continue
        raise AssertionError("accepted")


@MANY
@given(data=st.data())
def test_a_bundle_with_one_value_changed(data: st.DataObject, key: EllipticCurvePrivateKey) -> None:
    """Outside the signature most changes are refused; none breaks the reader."""
    bundle = mutated(data, make_bundle("m", FILES, key))
    with contextlib.suppress(TamperedError):
        assert open_bundle(bundle, [key.public_key()]).files == FILES


@MANY
@given(data=st.data())
def test_a_signed_list_with_one_value_changed(
    data: st.DataObject, key: EllipticCurvePrivateKey
) -> None:
    """Signed by the right key: only the reader stands between it and the file system."""
    whole = json.loads(make_bundle("m", FILES, key))
    payload = mutated(data, base64.b64decode(whole["dsseEnvelope"]["payload"]))
    try:
        found = open_bundle(seal(payload, key), [key.public_key()])
    except TamperedError:
        return
    assert found.files
    assert not any(path.startswith("/") or ".." in path.split("/") for path in found.files)


@MANY
@given(data=st.data())
def test_an_envelope_with_one_value_changed(data: st.DataObject, rsa_key: RSAPrivateKey) -> None:
    payload = Statement({"m": {"blake3": "1" * 64}}, "https://example.com/v1", {}).encode()
    envelope = mutated(data, sign_envelope(payload, rsa_key))
    with contextlib.suppress(TamperedError):
        assert open_envelope(envelope, [rsa_key.public_key()]) == payload
