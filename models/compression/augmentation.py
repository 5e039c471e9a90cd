"""Captions made up for a student to learn from: what the teacher says of them is their label.

A few hundred captions teach a cut encoder's head those few hundred captions. The teacher can be
asked about any other text, so that made-up ones show what it says of words that no caption holds.

Source: data augmentation for distillation, Jiao et al. 2020 (TinyBERT),
https://arxiv.org/abs/1909.10351. Differs in: words are drawn from the tokenizer, not by a language
model, and half of the texts are one or two words alone.
"""

import random
from collections.abc import Sequence

from tokenizers import Tokenizer

SHORTEST = 3
"""Letters of a word: what is shorter is mostly a piece of one."""


def words_of(tokenizer: str) -> list[str]:
    """Whole words of plain letters that a tokenizer knows, in alphabetical order.

    Args:
        tokenizer: text of a tokenizer.json.
    """
    known = Tokenizer.from_str(tokenizer).get_vocab()
    return sorted(w for w in known if w.isascii() and w.isalpha() and len(w) >= SHORTEST)


def made_up(texts: Sequence[str], *, words: Sequence[str], count: int, seed: int) -> list[str]:
    """Distinct made-up captions, in alphabetical order.

    Half are one or two of the words; half are one of the texts with one word replaced.

    Args:
        texts: training captions.
        words: distinct ones to draw from.
        count: how many.
        seed: decides which.

    Raises:
        ValueError: no texts, or so few words that there might be nothing new to say: n words make
            n (n + 1) / 2 pairs and singles.
    """
    texts = [text for text in texts if text.split()]
    enough = len(words) * (len(words) + 1) // 2
    if not texts or len(words) < 2 or enough < 2 * count:
        raise ValueError(
            f"augment={count}: {len(texts)} captions and {len(words)} words to draw from allow "
            f"{enough // 2 if texts else 0} at most; lower `augment`, or set it to 0"
        )
    drawn, found = random.Random(seed), set[str]()  # noqa: S311  # nothing secret is drawn
    while len(found) < count:
        if drawn.random() < 0.5:
            found.add(" ".join(drawn.sample(words, drawn.choice((1, 1, 2)))))
        else:
            parts = drawn.choice(texts).split()
            parts[drawn.randrange(len(parts))] = drawn.choice(words)
            found.add(" ".join(parts))
    return sorted(found)
