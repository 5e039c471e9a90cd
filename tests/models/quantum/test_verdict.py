"""The verdict: counted by hand, and wrong where it must not speak of a gain."""

import numpy as np
import pytest

from models.quantum.verdict import Scored, Verdict, judge

SEEDS, GROUPS, EACH = 8, 60, 5
GROUP = np.repeat([f"g{i:02d}" for i in range(GROUPS)], EACH)


def scored(name, role, right, validation=0.5):
    right = np.asarray(right, dtype=bool)
    ones = np.ones(len(right))
    return Scored(name, role, 100, validation * ones, right, ones)


def drawn(share, seed, rows=GROUPS * EACH):
    return np.random.default_rng(seed).random((SEEDS, rows)) < share


def verdict(heads, **more) -> Verdict:
    settings = {"level": 0.05, "resamples": 1000, "draws": 9999, "seed": 0} | more
    return judge(heads, GROUP, **settings)


def test_a_clear_lead_is_a_gain_with_the_least_p_that_seeds_allow():
    quantum = scored("quantum", "quantum", drawn(0.95, 0))
    others = [scored("mlp", "classical", drawn(0.5, 1)), scored("linear", "linear", drawn(0.5, 2))]
    found = verdict([quantum, *others])
    assert found.gain
    # Eight seeds, all better: 2 of 2^8 sign patterns; twice that after Holm over two contrasts.
    assert [one.p_value for one in found.contrasts] == [2 / 256] * 2
    assert [one.adjusted for one in found.contrasts] == [4 / 256] * 2
    assert "a gain over the best matched classical head (mlp)" in found.sentence()
    assert found.main.low < found.main.difference < found.main.high


def test_a_lead_on_few_rows_is_no_gain_however_many_seeds_agree():
    # Every seed gets the same one group right that the others get wrong: seeds agree, rows do not.
    theirs = np.zeros((SEEDS, GROUPS * EACH), bool)
    ours = theirs.copy()
    ours[:, :EACH] = True
    found = verdict([scored("q", "quantum", ours), scored("mlp", "classical", theirs)])
    assert found.main.p_value == 2 / 256
    assert found.main.low == 0  # a bootstrap sample misses the group in (59/60)^60 = 36% of cases
    assert not found.gain
    assert found.main.effect is None  # all seeds differ by the same


def test_equal_heads_are_no_gain():
    right = drawn(0.8, 0)
    found = verdict([scored("q", "quantum", right), scored("mlp", "classical", right)], level=0.999)
    assert (found.main.difference, found.main.low, found.main.high) == (0, 0, 0)
    assert found.main.p_value == 1
    assert found.sentence(41.0).endswith("(mlp): +0.0 points [0.0, 0.0], p = 1, 41x the cost")
    assert found.sentence().startswith("no gain over")


def test_worse_is_said():
    heads = [scored("q", "quantum", drawn(0.5, 0)), scored("mlp", "classical", drawn(0.9, 1))]
    assert verdict(heads).sentence().startswith("worse than the best matched classical head (mlp)")


def test_the_best_classical_head_is_chosen_by_validation_and_not_by_test():
    heads = [
        scored("q", "quantum", drawn(0.7, 0)),
        scored("lucky", "classical", drawn(0.9, 1), validation=0.6),
        scored("chosen", "classical", drawn(0.6, 2), validation=0.7),
    ]
    assert verdict(heads).best == "chosen"


def test_beating_only_the_classical_heads_is_no_gain():
    heads = [
        scored("q", "quantum", drawn(0.9, 0)),
        scored("mlp", "classical", drawn(0.5, 1)),
        scored("model", "backbone", drawn(0.95, 2)[:1]),
    ]
    found = verdict(heads)
    assert not found.gain
    assert "but not shown to beat model" in found.sentence()


def test_chance_gives_a_gain_no_more_often_than_the_level():
    # Both heads guess with the same skill: 100 data sets, level 0.05; 99.9% of binomial(100, 0.05)
    # lie at 12 or below.
    gains = 0
    for trial in range(100):
        heads = [
            scored("q", "quantum", drawn(0.7, (trial, 0))),
            scored("mlp", "classical", drawn(0.7, (trial, 1))),
        ]
        gains += verdict(heads, resamples=200).gain
    assert gains <= 12


def test_interval_agrees_with_the_closed_form():
    # One row a group, every seed the same answers: the standard error is sqrt(p (1 - p) / n) and
    # the 95% interval of a mean reaches 1.96 of them.
    rows = 900
    ours = np.tile(np.arange(rows) % 10 < 3, (SEEDS, 1))
    heads = [scored("q", "quantum", ours), scored("mlp", "classical", np.zeros_like(ours))]
    found = judge(
        heads, np.arange(rows).astype(str), level=0.05, resamples=4000, draws=9999, seed=0
    ).main
    error = np.sqrt(0.3 * 0.7 / rows)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_same_seed_same_verdict():
    heads = [scored("q", "quantum", drawn(0.7, 0)), scored("mlp", "classical", drawn(0.6, 1))]
    assert verdict(heads).plain() == verdict(heads).plain()


def test_heads_that_cannot_be_paired_are_refused():
    quantum, mlp = scored("q", "quantum", drawn(0.7, 0)), scored("m", "classical", drawn(0.6, 1))
    with pytest.raises(ValueError, match="1 quantum and 0 classical heads"):
        verdict([quantum])
    with pytest.raises(ValueError, match="head 'm' answered"):
        verdict([quantum, scored("m", "classical", drawn(0.6, 1, rows=7))])
    with pytest.raises(ValueError, match="2 quantum"):
        verdict([quantum, quantum, mlp])
