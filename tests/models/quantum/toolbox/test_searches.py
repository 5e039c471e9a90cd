"""Query algorithms answer with the probabilities and the number of questions of their theory."""

import math

import numpy as np
import pytest

from models.quantum.toolbox import bernstein_vazirani, grover, simon


@pytest.mark.parametrize(
    ("qubits", "calls"),
    [(4, 3), (5, 4), (6, 6), (7, 8), (8, 12), (9, 17), (10, 25)],  # round(pi / (4 theta) - 1/2)
)
def test_grover_is_its_formula(qubits: int, calls: int) -> None:
    marked = f"{(37 * qubits) % 2**qubits:0{qubits}b}"
    found = grover.search([marked])
    expected = math.sin((2 * calls + 1) * math.asin(2 ** (-qubits / 2))) ** 2
    assert found.found == marked
    assert found.calls == calls
    assert found.probability == pytest.approx(expected, abs=1e-6)
    assert found.theory == pytest.approx(expected, abs=1e-12)
    assert found.classical_calls == (2**qubits + 1) / 2


@pytest.mark.parametrize("iterations", range(8))
def test_grover_turns_past_its_aim(iterations: int) -> None:
    found = grover.search(["101"], iterations=iterations)
    expected = math.sin((2 * iterations + 1) * math.asin(8**-0.5)) ** 2
    assert found.probability == pytest.approx(expected, abs=1e-9)


def test_grover_with_several_marked() -> None:
    found = grover.search(["00001", "11000", "10101"])
    theta = math.asin(math.sqrt(3 / 32))
    assert found.calls == 2
    assert found.probability == pytest.approx(math.sin(5 * theta) ** 2, abs=1e-9)
    assert found.classical_calls == 33 / 4  # (N + 1) / (M + 1)


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ([], "name at least one item"),
        (["01", "010"], r"item='010' has 3 bits: 2 are needed"),
        (["012"], r"item='012': give zeros and ones"),
        (["01", "01"], "2 marked items: different ones, fewer than 4"),
        (["00", "01", "10", "11"], "fewer than 4"),
        (["1"], "bits of an item=1: at least 2"),
    ],
)
def test_items_that_cannot_be_searched(marked: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grover.search(marked)


@pytest.mark.parametrize("secret", ["1", "0000", "1011001", "1111100101"])
def test_one_question_reads_a_linear_secret(secret: str) -> None:
    found = bernstein_vazirani.read_secret(secret)
    assert found.found == secret
    assert found.probability == pytest.approx(1, abs=1e-9)
    assert (found.calls, found.classical_calls) == (1, len(secret))


@pytest.mark.parametrize("secret", ["11", "1001", "0110", "0001", "101101"])
@pytest.mark.parametrize("seed", [0, 1])
def test_simon_finds_what_is_hidden(secret: str, seed: int) -> None:
    assert simon.find(secret, seed=seed).found == secret


@pytest.mark.parametrize("seed", range(3))
def test_simon_says_where_nothing_is_hidden(seed: int) -> None:
    assert simon.find("0000", seed=seed).found == "0000"


def test_simons_answers_are_orthogonal_to_the_secret() -> None:
    expected = [0 if (y & 0b1010).bit_count() % 2 else 2 / 16 for y in range(16)]
    np.testing.assert_allclose(simon.answers("1010"), expected, atol=1e-12)


def test_simons_questions_are_as_many_as_expected() -> None:
    # sum_k 1 / (1 - 2^-(n-1-k)) answers until n - 1 of them are independent, and two to check.
    calls = [simon.find("10110", seed=seed).calls for seed in range(150)]
    expected = 2 + sum(1 / (1 - 2.0**-k) for k in range(1, 5))
    assert simon.find("10110", seed=0).expected_calls == pytest.approx(expected)
    assert np.mean(calls) == pytest.approx(expected, abs=4 * float(np.std(calls)) / math.sqrt(150))


def test_the_classical_collision_takes_as_long_as_trying_it() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        values = rng.permutation(np.repeat(np.arange(8), 2))
        seen: set[int] = set()
        while len(seen) == len(set(values[: len(seen)])) and len(seen) < 16:
            if values[len(seen)] in seen:
                break
            seen.add(int(values[len(seen)]))
        found.append(len(seen) + 1)
    assert simon.collision_calls(4) == pytest.approx(np.mean(found), rel=0.03)


def test_independent_rows_and_what_is_orthogonal_to_them() -> None:
    rows = simon.independent([0b110, 0b011, 0b101, 0])
    assert len(rows) == 2
    assert simon.orthogonal(rows, 3) == 0b111


@pytest.mark.parametrize("read", [simon.find, bernstein_vazirani.read_secret])
def test_secrets_of_a_wrong_length(read: object) -> None:
    more = {"seed": 0} if read is simon.find else {}
    with pytest.raises(ValueError, match=r"secret='1010' has 4 bits: 5 are needed"):
        read("1010", length=5, **more)  # type: ignore[operator]
    for secret in ("", "10a"):
        with pytest.raises(ValueError, match=rf"secret='{secret}': give zeros and ones"):
            read(secret, **more)  # type: ignore[operator]


def test_simon_repeats_by_its_seed() -> None:
    assert simon.find("110100", seed=5) == simon.find("110100", seed=5)
