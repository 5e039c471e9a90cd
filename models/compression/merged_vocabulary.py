"""A smaller table of word pieces in which those that are gone borrow the row of their nearest.

A word that `vocabulary.py` takes away is spelt with letters, of which a frozen encoder makes little
sense. Here every piece stays in the tokenizer, and one without a row of its own has the id of the
kept piece whose vector points most nearly the same way: "schooner" reads as "ship" does. The table
shrinks as much; the tokenizer's file stays as long as it was.

Write the returned text as it is: `Tokenizer.to_str` keeps one piece an id and would lose the rest.

Source: sharing of embedding rows by similarity, as the clustering of Han et al. 2015,
https://arxiv.org/abs/1510.00149, of whole rows instead of numbers.

Shapes: V word pieces, N rows kept, D width.
"""

import json
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from models.compression.student import ViewModel
from models.compression.vocabulary import kept_ids, table, with_table, word_pieces

AT_ONCE = 1024
"""Rows compared with all kept ones at once."""


def merge_vocabulary(
    module: ViewModel, *, tokenizer: str, texts: Sequence[str], size: int
) -> tuple[ViewModel, str]:
    """A copy of the caption view with N rows, and a tokenizer that sends every piece to one.

    Args:
        module: a view whose encoder is MiniLM.
        tokenizer: the text of its tokenizer.json.
        texts: training captions; their pieces keep rows of their own, as `kept_ids` says.
        size: N.

    Raises:
        ValueError: the view has no word pieces, or `size` is too small or too large.
    """
    rows = table(module)
    kept = kept_ids(tokenizer, texts=texts, size=size)
    shared = pointing_at(tokenizer, nearest(rows, kept))
    return with_table(module, kept, shared), shared


def nearest(rows_VD: Tensor, kept: Sequence[int]) -> list[int]:
    """For each of V rows the place in `kept` whose row has the highest cosine; its own if kept."""
    unit = F.normalize(rows_VD.detach().float(), dim=1)
    candidates = unit[torch.tensor(list(kept))]
    places = torch.cat([(some @ candidates.T).argmax(1) for some in torch.split(unit, AT_ONCE)])
    places[torch.tensor(list(kept))] = torch.arange(len(kept))  # twins keep their own
    found: list[int] = places.tolist()
    return found


def pointing_at(tokenizer: str, place: Sequence[int]) -> str:
    """The text of a tokenizer.json whose pieces have other ids, several the same one.

    Args:
        tokenizer: the text of a tokenizer.json.
        place: new id of each old one.
    """
    plain = word_pieces(tokenizer)
    vocabulary = plain["model"]["vocab"]
    plain["model"]["vocab"] = {piece: place[old] for piece, old in vocabulary.items()}
    for token in plain["added_tokens"]:
        token["id"] = place[token["id"]]
    processor = plain.get("post_processor") or {}
    for token in (processor.get("special_tokens") or {}).values():
        token["ids"] = [place[old] for old in token["ids"]]
    for end in ("sep", "cls"):  # of the older form, "BertProcessing"
        if end in processor:
            processor[end][1] = place[processor[end][1]]
    if plain.get("padding"):
        plain["padding"]["pad_id"] = place[plain["padding"]["pad_id"]]
    return json.dumps(plain, ensure_ascii=False)
