"""The Solana adapter on LiteSVM, in this process and behind an RPC; nodes that lie or fail."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.anchors.chain import (
    ChainError,
    ChainRefusedError,
    ChainUnavailableError,
    Claim,
    Cost,
    Found,
    Mode,
    Sent,
    Standing,
    WrongChainError,
)
from provenance.anchors.config import ChainConfig
from provenance.anchors.jsonrpc import Transport
from provenance.anchors.ledger import Ledger
from provenance.anchors.solana import FEE, TYPICAL_UNITS, SolanaChain, open_solana
from provenance.anchors.solana_content import MEMO_PROGRAM, sign
from provenance.anchors.solana_embedded import (
    EmbeddedSolana,
    LocalCluster,
    new_genesis,
    open_embedded_solana,
)

from .nodes import CLAIM, OTHER_SECRET, SECRET, Lying, Scripted, in_front_of

Open = Callable[..., EmbeddedSolana]

CONFIG = ChainConfig("embedded-solana", "solana", mode=Mode.MEMO)


@pytest.fixture
def open_chain(tmp_path: Path) -> Iterator[Open]:
    """Opens the chain of one ledger; the one open before is closed first."""
    opened: list[EmbeddedSolana] = []

    def make(secret: bytes | None = SECRET, confirmations: int = 0) -> EmbeddedSolana:
        for chain in opened:
            chain.close()
        ledger = Ledger.open(tmp_path / "solana.jsonl", new_genesis(), wait_seconds=5)
        config = replace(CONFIG, confirmations=confirmations)
        opened.append(open_embedded_solana(config, secret, ledger))
        return opened[-1]

    yield make
    for chain in opened:
        chain.close()


def over(chain: SolanaChain, transport: Transport, secret: bytes | None = SECRET) -> SolanaChain:
    """The same cluster through another transport."""
    return SolanaChain(CONFIG, secret, chain.chain_id(), transport)


def larger(claim: Claim, by: int = 1) -> Claim:
    return replace(claim, size=claim.size + by)


def failing(message: str, code: int = -32002, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def test_an_anchor_is_found_after_the_chain_was_opened_again(open_chain: Open) -> None:
    chain = open_chain()
    sent = [chain.publish(CLAIM), chain.publish(larger(CLAIM))]
    before = [chain.state(sent[0], CLAIM), chain.state(sent[1], larger(CLAIM))]
    assert [found.standing for found in before] == [Standing.FINAL, Standing.FINAL]
    again = open_chain(secret=None)  # an auditor needs no key
    after = [again.state(sent[0], CLAIM), again.state(sent[1], larger(CLAIM))]
    assert [(f.block, f.block_hash, f.block_time) for f in after] == [
        (f.block, f.block_hash, f.block_time) for f in before
    ]
    assert again.chain_id() == chain.chain_id() == sent[0].chain_id


def test_the_memo_names_the_log() -> None:
    """Bytes as any Solana tool shows them, taken apart without our code."""
    from solders.transaction import VersionedTransaction

    signed = sign(SECRET, CLAIM, "4QjEBrJnATvydaCoPb7j4cneA5vSJNFsAYHQwRAjAjmQ")
    tx = VersionedTransaction.from_bytes(signed.raw)
    (instruction,) = tx.message.instructions
    keys = tx.message.account_keys
    assert str(keys[instruction.program_id_index]) == MEMO_PROGRAM
    assert bytes(instruction.data).decode() == (
        f"provlog/1 {bytes(range(32)).hex()} 42 {bytes(range(200, 232)).hex()}"
    )
    public = Ed25519PrivateKey.from_private_bytes(SECRET).public_key().public_bytes_raw()
    assert bytes(keys[0]) == public  # the seed is that of RFC 8032
    assert tx.verify_with_results() == [True]
    assert len(signed.raw) < 1232  # https://solana.com/docs/core/transactions


def test_cost(open_chain: Open) -> None:
    """5,000 lamports a signature: https://solana.com/docs/core/fees."""
    chain = open_chain()
    found = chain.state(chain.publish(CLAIM), CLAIM)
    assert found.fee == FEE == 5_000
    assert found.gas is not None
    assert found.gas <= TYPICAL_UNITS <= found.gas * 1.01
    assert chain.estimate() == Cost(TYPICAL_UNITS, FEE, "SOL", 9)
    assert chain.head_size(CLAIM.log_id) is None
    assert chain.root_at(CLAIM.log_id, CLAIM.size) is None


@pytest.mark.parametrize("field", ["raw", "block_hash"])
def test_an_edited_ledger_is_refused(open_chain: Open, tmp_path: Path, field: str) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    chain._ledger.records[0] = {**chain._ledger.records[0], field: "00"}
    cluster = LocalCluster(chain._ledger, 0)
    with pytest.raises(ChainUnavailableError, match="changed at record 1"):
        SolanaChain(CONFIG, SECRET, sent.chain_id, cluster).state(sent, CLAIM)


def test_what_the_ledger_cannot_take_did_not_happen(
    open_chain: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = open_chain()
    first = chain.publish(CLAIM)

    def full(record: Any) -> None:
        raise ChainUnavailableError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(chain._ledger, "append", full)
        with pytest.raises(ChainUnavailableError, match="disk full"):
            chain.publish(larger(CLAIM))
    assert chain.state(first, CLAIM).confirmations == 0
    sent = chain.publish(larger(CLAIM))
    assert chain.state(sent, larger(CLAIM)).block == 2


def test_attack_51_another_ledger_is_another_cluster(open_chain: Open, tmp_path: Path) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    chain.close()
    (tmp_path / "solana.jsonl").unlink()
    anew = open_chain()
    assert anew.state(sent, CLAIM).standing is Standing.WRONG_CHAIN
    same_name = replace(sent, chain_id=anew.chain_id(), valid_until=0)
    anew.publish(larger(CLAIM))
    assert anew.state(same_name, CLAIM).standing is Standing.NOT_ON_CHAIN


def test_attack_52_another_cluster_than_configured(open_chain: Open) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    expected = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
    other = SolanaChain(CONFIG, SECRET, expected, chain._transport)
    for use in (
        lambda: other.publish(CLAIM),
        lambda: other.state(replace(sent, chain_id=expected), CLAIM),
    ):
        with pytest.raises(WrongChainError, match="serves cluster"):
            use()
    assert other.state(sent, CLAIM).standing is Standing.WRONG_CHAIN


def test_attack_53_other_content(open_chain: Open) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    for claim in (
        replace(CLAIM, root=bytes(32)),
        larger(CLAIM),
        replace(CLAIM, log_id=bytes(32)),
    ):
        assert chain.state(sent, claim).standing is Standing.OTHER_CONTENT


def test_attack_53_other_sender(open_chain: Open) -> None:
    sent = open_chain(secret=OTHER_SECRET).publish(CLAIM)
    chain = open_chain()
    stolen = replace(sent, sender=chain.sender)
    assert chain.state(stolen, CLAIM).standing is Standing.OTHER_SENDER


def test_attack_53_failed_transaction(open_chain: Open) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)

    def lie(method: str, result: Any) -> Any:
        if method == "getTransaction" and result:
            return result | {"meta": result["meta"] | {"err": {"InstructionError": [0, "x"]}}}
        return result

    liar = over(chain, Lying(chain._transport, lie))
    assert liar.state(sent, CLAIM).standing is Standing.REVERTED


def transaction(edit: Callable[[bytes], bytes]) -> Callable[[str, Any], Any]:
    """A lie about the bytes of a transaction."""

    def lie(method: str, result: Any) -> Any:
        if method != "getTransaction" or not result:
            return result
        raw = edit(base64.b64decode(result["transaction"][0]))
        return result | {"transaction": [base64.b64encode(raw).decode(), "base64"]}

    return lie


def test_attack_53_bytes_that_were_not_signed(open_chain: Open) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    old, new = CLAIM.root.hex().encode(), bytes(32).hex().encode()
    liar = over(chain, Lying(chain._transport, transaction(lambda raw: raw.replace(old, new))))
    found = liar.state(sent, replace(CLAIM, root=bytes(32)))
    assert found.standing is Standing.OTHER_SENDER
    assert "not signed" in found.detail


def test_attack_53_another_transaction_of_ours(open_chain: Open) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    other = sign(SECRET, CLAIM, "4QjEBrJnATvydaCoPb7j4cneA5vSJNFsAYHQwRAjAjmQ")
    liar = over(chain, Lying(chain._transport, transaction(lambda _: other.raw)))
    assert liar.state(sent, CLAIM).standing is Standing.OTHER_CONTENT


@pytest.mark.parametrize("program", ["11111111111111111111111111111111", None])
def test_attack_53_other_program_or_two_instructions(open_chain: Open, program: str | None) -> None:
    from solders.hash import Hash
    from solders.instruction import AccountMeta, Instruction
    from solders.keypair import Keypair
    from solders.message import Message
    from solders.pubkey import Pubkey
    from solders.transaction import VersionedTransaction

    from provenance.anchors.solana_content import memo

    chain = open_chain()
    key = Keypair.from_seed(SECRET)
    payer = [AccountMeta(key.pubkey(), True, False)]
    call = Instruction(Pubkey.from_string(program or MEMO_PROGRAM), memo(CLAIM), payer)
    calls = [call] if program else [call, call]
    message = Message.new_with_blockhash(calls, key.pubkey(), Hash.default())
    tx = VersionedTransaction(message, [key])
    sent = replace(chain.publish(CLAIM), tx=str(tx.signatures[0]))

    def lie(method: str, result: Any) -> Any:
        if method != "getTransaction":
            return result
        raw = base64.b64encode(bytes(tx)).decode()
        return {"slot": 1, "transaction": [raw, "base64"], "meta": {"err": None, "fee": 5000}}

    liar = over(chain, Lying(chain._transport, lie))
    assert liar.state(sent, CLAIM).standing is Standing.OTHER_CONTENT


@pytest.mark.parametrize("data", [{"err": "AlreadyProcessed"}, None])
def test_attack_54_a_replayed_transaction_is_a_success(open_chain: Open, data: Any) -> None:
    """The first answer was lost; the same bytes again are the same anchor.

    The first text is a real cluster's, the second that of nodes that leave `data` out.
    """
    chain = open_chain()
    recent = chain._transport.ask("getLatestBlockhash", [{}])
    sent = chain.publish(CLAIM)

    class Stale:
        def ask(self, method: str, params: Any) -> Any:
            if method == "getLatestBlockhash":
                return recent
            answer = chain._transport.ask(method, params)
            if method == "sendTransaction" and data is None:
                del answer["error"]["data"]
            return answer

    again = over(chain, Stale()).publish(CLAIM)
    assert again.tx == sent.tx
    assert chain.state(again, CLAIM).standing is Standing.FINAL
    assert len(chain._ledger.records) == 1


def test_attack_55_confirmed_is_not_final(open_chain: Open) -> None:
    chain = open_chain(confirmations=2)
    sent = chain.publish(CLAIM)
    standings = []
    for later in range(1, 4):
        found = chain.state(sent, CLAIM)
        standings.append((found.standing, found.confirmations))
        chain.publish(larger(CLAIM, later))
    assert standings == [
        (Standing.CONFIRMED, 0),
        (Standing.CONFIRMED, 1),
        (Standing.FINAL, 2),
    ]


@pytest.mark.parametrize(("valid_until", "standing"), [
    (9, Standing.NOT_ON_CHAIN), (10, Standing.PENDING), (None, Standing.NOT_ON_CHAIN),
])  # fmt: skip
def test_unseen_is_pending_while_it_can_land(valid_until: int | None, standing: Standing) -> None:
    node = Scripted(getGenesisHash="G", getBlockHeight=10, getTransaction=None)
    sent = Sent("G", Mode.MEMO, "5" * 88, "S", valid_until=valid_until)
    chain = SolanaChain(CONFIG, None, "G", node)
    assert chain.state(sent, CLAIM).standing is standing
    asked = [method for method, _ in node.asked]
    assert asked.index("getBlockHeight") < asked.index("getTransaction")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        # Texts and codes as agave's RPC gives them.
        (failing("Transaction simulation failed: Attempt to debit an account but found no record "
                 "of a prior credit.", data={"err": "AccountNotFound"}), ChainRefusedError),
        (failing("Transaction simulation failed: Insufficient funds for fee",
                 data={"err": "InsufficientFundsForFee"}), ChainRefusedError),
        (failing("Transaction simulation failed: Blockhash not found",
                 data={"err": "BlockhashNotFound"}), ChainUnavailableError),
        (failing("Node is behind by 42 slots", -32005, data={"numSlotsBehind": 42}),
         ChainUnavailableError),
        (failing("x"), ChainUnavailableError),          # -32002 without data
        (failing("x", data=None), ChainUnavailableError),
        (failing("x", data=[1]), ChainUnavailableError),
        ({"error": {}}, ChainUnavailableError),
        ({"error": {"code": None, "message": {"a": 1}}}, ChainUnavailableError),
    ],
)  # fmt: skip
def test_attack_50_errors_of_a_node(
    open_chain: Open, error: dict[str, Any], kind: type[Exception]
) -> None:
    chain = open_chain()

    class Failing:
        def ask(self, method: str, params: Any) -> Any:
            return error if method == "sendTransaction" else chain._transport.ask(method, params)

    with pytest.raises(kind) as caught:
        over(chain, Failing()).publish(CLAIM)
    assert type(caught.value) is kind


def test_the_same_over_http(open_chain: Open) -> None:
    """A real RPC on loopback: publishing, finding, an unknown transaction."""
    embedded = open_chain()
    with in_front_of(embedded._transport) as url:
        config = ChainConfig("solana", "solana", url, embedded.chain_id(), mode=Mode.MEMO)
        chain = open_solana(config, SECRET)
        sent = chain.publish(CLAIM)
        assert chain.state(sent, CLAIM).standing is Standing.FINAL
        unknown = replace(sent, tx="5" * 88, valid_until=0)
        chain.publish(larger(CLAIM))
        assert chain.state(unknown, CLAIM).standing is Standing.NOT_ON_CHAIN
        with pytest.raises(WrongChainError):
            open_solana(replace(config, chain_id="G"), SECRET).publish(CLAIM)


def test_opening_asks_nobody() -> None:
    config = ChainConfig("solana", "solana", "http://127.0.0.1:1", "G", mode=Mode.MEMO)
    chain = open_solana(config, None)
    with pytest.raises(ChainError, match="no connection"):
        chain.chain_id()
    with pytest.raises(ChainRefusedError, match="no key"):
        chain.publish(CLAIM)


@pytest.fixture
def published(open_chain: Open) -> tuple[EmbeddedSolana, Sent]:
    chain = open_chain()
    return chain, chain.publish(CLAIM)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["base64", "AAAA", "AQAB", "1" * 32, "5" * 88]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["value", "blockhash", "transaction", "slot", "meta", "err", "x"]),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_attack_50_any_json_is_an_answer_or_unavailable(
    published: tuple[EmbeddedSolana, Sent], data: Any
) -> None:
    chain, sent = published
    honest = chain._transport
    fooled = data.draw(
        st.sampled_from(
            ["getGenesisHash", "getBlockHeight", "getSlot", "getLatestBlockhash",
             "sendTransaction", "getTransaction", "getBlock"]
        )
    )  # fmt: skip
    strange = data.draw(JSON)
    answer = data.draw(st.sampled_from([{"result": strange}, {"error": {"code": strange}}]))
    noise = data.draw(st.binary(max_size=200))

    class Fuzzed:
        def ask(self, method: str, params: Any) -> Any:
            if method != fooled:
                return honest.ask(method, params)
            if method == "getTransaction" and isinstance(strange, dict):
                found = honest.ask(method, params)["result"]
                raw = base64.b64encode(noise).decode()
                return {"result": found | {"transaction": [raw, "base64"]} | strange}
            return answer

    fuzzed = SolanaChain(CONFIG, SECRET, sent.chain_id, Fuzzed())
    for use in (
        lambda: fuzzed.state(sent, CLAIM),
        lambda: fuzzed.publish(larger(CLAIM)),
        fuzzed.chain_id,
    ):
        with suppress(ChainError):
            said = use()
            assert isinstance(said, str | Sent | Found)
            if isinstance(said, Sent | Found):
                json.dumps(asdict(said))  # goes into a receipt
