import base64

import pytest

from provenance.checkpoint import Checkpoint, log_id, make_origin, parse_checkpoint
from provenance.errors import Reason, TamperedError

ORIGIN = "cairn-provenance/blake3/" + "0123456789abcdef" * 2
ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize("size", [0, 1, 10, 10**15])
def test_what_is_written_is_read(size: int) -> None:
    checkpoint = Checkpoint(ORIGIN, size, bytes(32))
    assert checkpoint.text() == f"{ORIGIN}\n{size}\n{ROOT}\n"
    assert parse_checkpoint(checkpoint.text()) == checkpoint


def test_the_origin_names_hash_and_log() -> None:
    assert make_origin(bytes(range(16))) == f"cairn-provenance/blake3/{bytes(range(16)).hex()}"
    assert log_id(ORIGIN) == "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{ORIGIN}\n01\n{ROOT}\n", "size '01' is no size"),
        (f"{ORIGIN}\n-1\n{ROOT}\n", "size '-1' is no size"),
        (f"{ORIGIN}\n+1\n{ROOT}\n", r"size '\+1' is no size"),
        (f"{ORIGIN}\n1 \n{ROOT}\n", "size '1 ' is no size"),
        (f"{ORIGIN}\n\u0661\n{ROOT}\n", "is no size"),  # ARABIC-INDIC DIGIT ONE: int() reads it
        (f"{ORIGIN}\n{'9' * 100_000}\n{ROOT}\n", "is no size"),
        (f"{ORIGIN}\n\n{ROOT}\n", "size '' is no size"),
        (f"{ORIGIN}\n1\n{ROOT}\nextension\n", "has 4 lines, 3 are expected"),
        (f"{ORIGIN}\n1\n", "has 2 lines"),
        (f"{ORIGIN}\n1\n{ROOT}", "has 2 lines"),
        ("", "has 0 lines"),
        (f"example.com/log\n1\n{ROOT}\n", "not a log of ours"),
        (f"{ORIGIN}0\n1\n{ROOT}\n", "not a log of ours"),
        (f"{ORIGIN}\n1\n{ROOT[:-4]}\n", "root has 31 bytes|not base64|has 30 bytes"),
        (f"{ORIGIN}\n1\n????\n", "not base64"),
    ],
)
def test_malformed_checkpoints(text: str, why: str) -> None:
    with pytest.raises(TamperedError, match=why) as caught:
        parse_checkpoint(text)
    assert caught.value.reason is Reason.BAD_CHECKPOINT
