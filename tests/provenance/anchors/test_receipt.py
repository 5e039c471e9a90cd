"""Receipt files, ledgers, accounts and configuration: what is read from disk is not believed."""

import json
import os
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import canonical
from provenance.anchors.accounts import secret_of
from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError, Mode, Sent
from provenance.anchors.config import AnchorConfig, ChainConfig
from provenance.anchors.cost import estimate, in_coins, spent
from provenance.anchors.ledger import Ledger
from provenance.anchors.receipt import (
    AnchorReceipt,
    Progress,
    anchored_heads,
    anchors_folder,
    read_receipt,
    receipts,
    write_receipt,
)
from provenance.errors import KeyStoreError, LogError
from provenance.keys import KeyStore
from provenance.layout import Layout

ORIGIN = "cairn-provenance/blake3/" + "ab" * 16
SENT = Sent("137", Mode.CONTRACT, "0x" + "01" * 32, "0x" + "02" * 20, "0x" + "03" * 20)
RECEIPT = AnchorReceipt(
    chain="polygon",
    kind="evm",
    origin=ORIGIN,
    size=42,
    root="07" * 32,
    created="2026-01-01T00:00:00+00:00",
    progress=Progress.CONFIRMED,
    sent=SENT,
    earlier=(replace(SENT, tx="0x" + "09" * 32),),
    block=7,
    block_hash="0x07",
    block_time=1_700_000_000,
    confirmations=3,
    gas=70_000,
    fee=10**20,  # wei; beyond what JSON numbers hold exactly
    sent_at="2026-01-01T00:00:01+00:00",
    attempts=2,
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path)
    anchors_folder(found).mkdir()
    return found


def write(layout: Layout, value: Any) -> Path:
    path = anchors_folder(layout) / "polygon-42.json"
    path.write_bytes(canonical.encode(value) + b"\n")
    return path


def test_a_receipt_is_read_as_it_was_written(layout: Layout) -> None:
    write_receipt(layout, RECEIPT)
    assert receipts(layout) == [RECEIPT]
    assert stat.S_ISREG((anchors_folder(layout) / "polygon-42.json").stat().st_mode)


def test_the_logs_name_on_the_chain_is_the_blake3_of_its_origin() -> None:
    assert RECEIPT.claim.log_id == blake3(ORIGIN.encode()).digest()
    assert RECEIPT.to_dict()["log_id"] == blake3(ORIGIN.encode()).hexdigest()


def test_receipts_come_by_chain_and_size_and_other_files_are_left_alone(layout: Layout) -> None:
    for chain, size in (("polygon", 100), ("polygon", 9), ("bsc", 42)):
        write_receipt(layout, replace(RECEIPT, chain=chain, size=size))
    for name in ("polygon.lock", "polygon.status", "worker.log", "x-1.json.tmp"):
        (anchors_folder(layout) / name).write_text("{}")
    assert [(one.chain, one.size) for one in receipts(layout)] == [
        ("bsc", 42),
        ("polygon", 9),
        ("polygon", 100),
    ]


def test_a_receipt_that_goes_while_they_are_read_is_left_out(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker removes what was never sent; whoever verifies meanwhile must not fail."""
    write_receipt(layout, RECEIPT)
    write_receipt(layout, replace(RECEIPT, size=50, sent=None))

    def gone_first(path: Path) -> AnchorReceipt:
        if path.name == "polygon-50.json":
            path.unlink()
        return read_receipt(path)

    monkeypatch.setattr("provenance.anchors.receipt.read_receipt", gone_first)
    assert receipts(layout) == [RECEIPT]


def test_only_what_was_sent_was_seen(layout: Layout) -> None:
    write_receipt(layout, RECEIPT)
    write_receipt(layout, replace(RECEIPT, size=50, sent=None))
    (seen,) = anchored_heads(layout)
    assert (seen.checkpoint.size, seen.checkpoint.root.hex()) == (42, "07" * 32)
    assert "polygon" in seen.where
    assert SENT.tx in seen.where


@pytest.mark.parametrize(
    "edit",
    [
        {"size": 0},
        {"size": -42},
        {"size": "42"},
        {"size": 43},
        {"chain": "bsc"},
        {"origin": "other.example/log"},
        {"root": "07" * 31},
        {"root": "zz" * 32},
        {"progress": "done"},
        {"v": 2},
        {"fee": "1.5"},
        {"sent": {"tx": "0x"}},
        {"sent": 7},
        {"earlier": [7]},
        {"block": -1},
        {"attempts": True},
        {"extra": 1},
        {"error": None},
    ],
)
def test_an_edited_receipt_is_refused(layout: Layout, edit: dict[str, Any]) -> None:
    path = write(layout, RECEIPT.to_dict() | edit)
    with pytest.raises(LogError, match="is no anchor receipt"):
        read_receipt(path)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{} ", b"\xff", b"9" * 70_000])
def test_a_file_that_is_no_receipt_is_refused(layout: Layout, data: bytes) -> None:
    path = anchors_folder(layout) / "polygon-42.json"
    path.write_bytes(data)
    with pytest.raises(LogError, match="is no anchor receipt"):
        read_receipt(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1200), byte=st.integers(0, 255))
def test_any_changed_byte_is_refused_or_leaves_a_receipt(
    layout: Layout, place: int, byte: int
) -> None:
    """No byte makes the reader fall over; it says LogError or gives a receipt of that name."""
    data = bytearray(canonical.encode(RECEIPT.to_dict()) + b"\n")
    data[place % len(data)] = byte
    path = anchors_folder(layout) / "polygon-42.json"
    path.write_bytes(bytes(data))
    try:
        receipt = read_receipt(path)
    except LogError:
        return
    assert (receipt.chain, receipt.size) == ("polygon", 42)


def test_a_ledger_keeps_its_genesis_and_records(tmp_path: Path) -> None:
    path = tmp_path / "devnets" / "embedded-evm.jsonl"
    ledger = Ledger.open(path, {"time": 1}, 1.0)
    ledger.append({"raw": "aa"})
    ledger.close()
    again = Ledger.open(path, {"time": 2}, 1.0)
    assert (again.genesis, again.records) == ({"time": 1}, [{"raw": "aa"}])
    again.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_ledger_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    ledger = Ledger.open(path, {}, 1.0)
    with pytest.raises(ChainUnavailableError, match="locked"):
        Ledger.open(path, {}, 0.05)
    ledger.close()
    Ledger.open(path, {}, 1.0).close()


def test_a_record_whose_writing_was_cut_short_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    ledger = Ledger.open(path, {}, 1.0)
    ledger.append({"raw": "aa"})
    ledger.close()
    with path.open("ab") as file:
        file.write(b'{"raw":"b')
    ledger = Ledger.open(path, {}, 1.0)
    ledger.append({"raw": "cc"})
    ledger.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {},
        {"raw": "aa"},
        {"raw": "cc"},
    ]


@pytest.mark.parametrize("data", [b"[]\n", b"nonsense\n", b"no end"])
def test_a_damaged_ledger_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    with pytest.raises(ChainUnavailableError):
        Ledger.open(path, {}, 1.0)
    Ledger.open(tmp_path / "b.jsonl", {}, 1.0).close()


@pytest.mark.parametrize("kind", ["evm", "solana"])
def test_accounts_are_made_once_and_only_where_asked(tmp_path: Path, kind: str) -> None:
    store = KeyStore(tmp_path)
    assert secret_of(kind, store, create=False) is None
    secret = secret_of(kind, store, create=True)
    assert secret is not None
    assert len(secret) == 32
    assert secret_of(kind, store, create=False) == secret
    assert (tmp_path / "chains" / f"{kind}.pem").stat().st_mode & 0o777 == 0o600


def test_an_account_is_encrypted_where_a_passphrase_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAIRN_KEYRING", "off")
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
    store = KeyStore(tmp_path)
    secret = secret_of("evm", store, create=True)
    pem = (tmp_path / "chains" / "evm.pem").read_bytes()
    key = serialization.load_pem_private_key(pem, b"open sesame")
    assert isinstance(key, EllipticCurvePrivateKey)
    assert key.curve.name == "secp256k1"
    assert key.private_numbers().private_value.to_bytes(32, "big") == secret
    assert secret_of("evm", store, create=False) == secret
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "wrong")
    with pytest.raises(KeyStoreError, match="cannot be opened"):
        secret_of("evm", store, create=False)


def test_an_account_open_to_others_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    secret_of("evm", store, create=True)
    path = tmp_path / "chains" / "evm.pem"
    path.rename(tmp_path / "chains" / "solana.pem")
    with pytest.raises(KeyStoreError, match="holds no key for solana"):
        secret_of("solana", store, create=False)
    (tmp_path / "chains" / "solana.pem").chmod(0o644)
    with pytest.raises(KeyStoreError, match="chmod 600"):
        secret_of("solana", store, create=False)


def test_accounts_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = KeyStore(tmp_path)
    monkeypatch.setenv("CAIRN_EVM_KEY", "0x" + "11" * 32)
    with pytest.raises(KeyStoreError, match="64 hex digits"):
        secret_of("evm", store, create=True)
    monkeypatch.setenv("CAIRN_EVM_KEY", "11" * 32)
    assert secret_of("evm", store, create=True) == b"\x11" * 32
    # What solana-keygen writes: the seed, then the public key.
    monkeypatch.setenv("CAIRN_SOLANA_KEY", json.dumps([7] * 32 + [9] * 32))
    assert secret_of("solana", store, create=True) == b"\x07" * 32
    assert not (tmp_path / "chains").exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"name": "Not good"}, "lower-case letters"),
        ({"name": "../up"}, "lower-case letters"),
        ({"mode": Mode.MEMO}, "does not fit kind evm"),
        ({"rpc_url": "http://x", "chain_id": None}, "give its chain_id"),
    ],
)
def test_a_configuration_that_does_not_fit(edit: dict[str, Any], message: str) -> None:
    values = {"name": "polygon", "kind": "evm", "rpc_url": None, "chain_id": None} | edit
    with pytest.raises(ChainRefusedError, match=message):
        ChainConfig(**values)


def test_two_chains_of_one_name() -> None:
    chain = ChainConfig("polygon", "evm")
    with pytest.raises(ChainRefusedError, match="same name"):
        AnchorConfig((chain, chain))


def test_a_url_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = ChainConfig("polygon", "evm", "$CAIRN_POLYGON_RPC", "137")
    monkeypatch.delenv("CAIRN_POLYGON_RPC", raising=False)
    with pytest.raises(ChainRefusedError, match="set CAIRN_POLYGON_RPC"):
        chain.url()
    monkeypatch.setenv("CAIRN_POLYGON_RPC", "https://rpc.example/secret")
    assert chain.url() == "https://rpc.example/secret"
    assert "secret" not in AnchorConfig((chain,)).to_json()


def test_costs() -> None:
    assert spent([RECEIPT, replace(RECEIPT, gas=None, fee=None)]) == (70_000, 10**20)
    polygon = ChainConfig("polygon", "evm", "http://x", "137", gas_price_gwei=30.0)
    # 70,000 gas at 30 gwei: 2.1e15 wei (1 gwei is 1e9 wei, 1 POL is 1e18).
    assert estimate(polygon, RECEIPT) == (70_000, 2_100_000_000_000_000)
    assert in_coins(2_100_000_000_000_000, polygon) == "0.0021 POL"
    solana = ChainConfig("solana", "solana", mode=Mode.MEMO)
    # Solana's base fee: 5000 lamports a signature (solana.com/docs/core/fees).
    assert estimate(solana, None)[1] == 5000
    assert in_coins(5000, solana) == "0.000005 SOL"
    assert estimate(ChainConfig("e", "evm"), None)[1] is None


def test_importing_anchors_loads_no_chains_libraries() -> None:
    code = """
        import sys
        import provenance.anchors, provenance.anchors.worker, provenance.anchors.audit
        heavy = {"web3", "eth_tester", "solders", "eth_account", "requests", "keyring"}
        print(sorted(heavy & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout.strip() == "[]"
