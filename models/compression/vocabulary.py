"""A smaller vocabulary: the word pieces that texts like ours need, and the rows that embed them.

Half of a small language model is a table with a row for each word piece, most of which no caption
here ever holds. A word whose piece is gone is spelt with smaller pieces, down to single letters,
which all stay: nothing becomes unknown that was known.

Source: the trick of Abdaoui et al. 2020, https://arxiv.org/abs/2010.05609; word pieces as in
https://github.com/huggingface/tokenizers, model "WordPiece".

Shapes: V word pieces, N those kept.
"""

import copy
import json
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.compression.student import ViewModel
from models.encoders.text_minilm import LONGEST, MiniLM


def prune_vocabulary(
    module: ViewModel, *, tokenizer: str, texts: Sequence[str], size: int
) -> tuple[ViewModel, str]:
    """A copy of the caption view that knows fewer word pieces, and its tokenizer.

    Kept are, in this order until `size` is reached: special tokens, single characters and their
    continuations, the pieces of `texts`, and the pieces with the lowest ids, which are roughly the
    most frequent ones.

    Args:
        module: a view whose encoder is MiniLM.
        tokenizer: the text of its tokenizer.json.
        texts: training captions.
        size: N.

    Raises:
        ValueError: the view has no word pieces, or `size` is too small or too large.
    """
    table(module)
    kept = kept_ids(tokenizer, texts=texts, size=size)
    pruned = without(tokenizer, kept)
    return with_table(module, kept, pruned), pruned


def table(module: ViewModel) -> Tensor:
    """The rows (V, D) that embed the word pieces.

    Raises:
        ValueError: the view has none.
    """
    if not isinstance(module.encoder, MiniLM):
        raise ValueError(
            f"view {module.view}: it has no table of word pieces; `vocabulary` works on MiniLM: "
            "leave it out of the recipe for this view"
        )
    rows: Tensor = module.encoder.bert.embeddings.word_embeddings.weight
    return rows


def with_table(module: ViewModel, kept: Sequence[int], tokenizer: str) -> ViewModel:
    """A copy of the view with only some rows, and the tokenizer that goes with them.

    Raises:
        ValueError: there is no such row.
    """
    module = copy.deepcopy(module)
    encoder = module.encoder
    assert isinstance(encoder, MiniLM)  # noqa: S101  # `table` has said so
    old = encoder.bert.embeddings.word_embeddings
    if max(kept) >= old.num_embeddings:
        raise ValueError(
            f"the tokenizer has {max(kept) + 1} word pieces, the module {old.num_embeddings} rows: "
            "give the tokenizer that belongs to the module"
        )
    padding = None if old.padding_idx is None else list(kept).index(old.padding_idx)
    weight = old.weight.detach()[torch.tensor(list(kept))].clone()
    new = nn.Embedding(len(kept), old.embedding_dim, padding_idx=padding, _weight=weight)
    encoder.bert.embeddings.word_embeddings = new.requires_grad_(old.weight.requires_grad)
    encoder.bert.config.vocab_size = len(kept)
    encoder.tokenizer = Tokenizer.from_str(tokenizer)
    encoder.tokenizer.enable_truncation(LONGEST)
    encoder.tokenizer.no_padding()
    return module


def kept_ids(tokenizer: str, *, texts: Sequence[str], size: int) -> list[int]:
    """Ids of the N most useful word pieces, rising.

    Raises:
        ValueError: `size` is larger than the vocabulary or smaller than what has to stay.
    """
    plain = word_pieces(tokenizer)
    vocabulary: dict[str, int] = plain["model"]["vocab"]
    if not 1 <= size <= len(vocabulary):
        raise ValueError(f"size={size}: must be from 1 to {len(vocabulary)}, the word pieces")
    prefix = plain["model"]["continuing_subword_prefix"]
    needed = {token["id"] for token in plain["added_tokens"]}
    needed |= {index for piece, index in vocabulary.items() if len(piece.removeprefix(prefix)) == 1}
    unknown = plain["model"]["unk_token"]
    if unknown in vocabulary:
        needed.add(vocabulary[unknown])
    if size < len(needed):
        raise ValueError(
            f"size={size}: special tokens and single characters alone are {len(needed)}; give at "
            "least as many"
        )
    counts: dict[int, int] = {}
    for encoding in _bare(tokenizer).encode_batch(list(texts)):
        for index in encoding.ids:
            counts[index] = counts.get(index, 0) + 1
    seen = sorted(set(counts) - needed, key=lambda index: (-counts[index], index))
    rest = sorted(set(vocabulary.values()) - needed - set(seen))
    return sorted([*needed, *[*seen, *rest][: size - len(needed)]])


def without(tokenizer: str, kept: Sequence[int]) -> str:
    """The text of a tokenizer.json with only some word pieces, numbered from 0 in their old order.

    Args:
        tokenizer: the text of a tokenizer.json.
        kept: rising ids, special tokens among them.
    """
    plain = word_pieces(tokenizer)
    new = {old: index for index, old in enumerate(kept)}
    pieces = sorted(
        ((new[old], piece) for piece, old in plain["model"]["vocab"].items() if old in new)
    )
    plain["model"]["vocab"] = {piece: index for index, piece in pieces}
    for token in plain["added_tokens"]:
        token["id"] = new[token["id"]]
    processor = plain.get("post_processor") or {}
    for token in (processor.get("special_tokens") or {}).values():
        token["ids"] = [new[old] for old in token["ids"]]
    for end in ("sep", "cls"):  # of the older form, "BertProcessing"
        if end in processor:
            processor[end][1] = new[processor[end][1]]
    if plain.get("padding"):
        plain["padding"]["pad_id"] = new[plain["padding"]["pad_id"]]
    return json.dumps(plain, ensure_ascii=False)


def word_pieces(tokenizer: str) -> dict[str, Any]:
    """A tokenizer.json, read.

    Raises:
        ValueError: its model is not WordPiece.
    """
    plain: dict[str, Any] = json.loads(tokenizer)
    kind = plain.get("model", {}).get("type")
    if kind != "WordPiece":
        raise ValueError(f"a tokenizer of type {kind!r}: only WordPiece vocabularies can be pruned")
    return plain


def _bare(tokenizer: str) -> Tokenizer:
    """Without padding, which would count as a text's tokens, and cut where the model cuts."""
    bare = Tokenizer.from_str(tokenizer)
    bare.no_padding()
    bare.enable_truncation(LONGEST)
    return bare
