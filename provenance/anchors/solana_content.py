"""What a claim looks like in a Solana transaction, and whether transaction bytes hold it.

One instruction of the Memo program, paid and signed by the sender:

    provlog/1 <log id, 64 hex digits> <size> <root, 64 hex digits>

The log is named because one account may anchor many logs: without it, the head of one could be
passed off as the head of another of the same size. That costs 55 compute units, and no fee.

Only bytes go through solders here, never its parsers of RPC answers: those panic on answers that
they do not expect. The signature is checked by `cryptography`.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.anchors.chain import Claim, Found, Sent, Standing

MEMO_PROGRAM = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"


def memo(claim: Claim) -> bytes:
    """The text of an anchor."""
    return f"provlog/1 {claim.log_id.hex()} {claim.size} {claim.root.hex()}".encode()


@dataclass(frozen=True)
class Signed:
    """A transaction ready to be sent, and its name: the first signature in base58."""

    raw: bytes
    name: str


def sign(secret: bytes, claim: Claim, blockhash: str) -> Signed:
    """An anchor's transaction.

    Args:
        secret: Ed25519 seed, 32 bytes.
        claim: to anchor.
        blockhash: a recent one, base58: the transaction can land for about 150 blocks after it.
    """
    from solders.hash import Hash
    from solders.instruction import AccountMeta, Instruction
    from solders.keypair import Keypair
    from solders.message import Message
    from solders.pubkey import Pubkey
    from solders.transaction import VersionedTransaction

    payer = Keypair.from_seed(secret)
    accounts = [AccountMeta(payer.pubkey(), is_signer=True, is_writable=False)]
    write = Instruction(Pubkey.from_string(MEMO_PROGRAM), memo(claim), accounts)
    message = Message.new_with_blockhash([write], payer.pubkey(), Hash.from_string(blockhash))
    tx = VersionedTransaction(message, [payer])
    return Signed(bytes(tx), str(tx.signatures[0]))


def judge(raw: bytes, sent: Sent, claim: Claim) -> Found | None:
    """What is wrong with a transaction; None if it is this claim, signed by the sender.

    Args:
        raw: the whole transaction, as a node gave it.
        sent: what was sent.
        claim: what it must say.

    Raises:
        BaseException: no transaction at all; the caller guards.
    """
    from solders.message import to_bytes_versioned
    from solders.transaction import VersionedTransaction

    tx = VersionedTransaction.from_bytes(raw)
    keys, signatures = tx.message.account_keys, tx.signatures
    if len(signatures) != 1 or str(signatures[0]) != sent.tx:
        return Found(Standing.OTHER_CONTENT, detail="its signature is another one")
    payer = keys[0]
    if str(payer) != sent.sender:
        return Found(Standing.OTHER_SENDER, detail=f"paid by {payer}, not by {sent.sender}")
    try:
        signed = to_bytes_versioned(tx.message)
        Ed25519PublicKey.from_public_bytes(bytes(payer)).verify(bytes(signatures[0]), signed)
    except InvalidSignature:
        return Found(Standing.OTHER_SENDER, detail=f"not signed by {sent.sender}")
    if len(tx.message.instructions) != 1:
        return Found(Standing.OTHER_CONTENT, detail="it has more than one instruction")
    instruction = tx.message.instructions[0]
    if str(keys[instruction.program_id_index]) != MEMO_PROGRAM:
        return Found(Standing.OTHER_CONTENT, detail="it does not call the Memo program")
    if bytes(instruction.data) != memo(claim):
        return Found(Standing.OTHER_CONTENT, detail="its memo is not this head of this log")
    return None


def address(secret: bytes) -> str:
    """The account of a key, base58."""
    from solders.keypair import Keypair

    return str(Keypair.from_seed(secret).pubkey())
