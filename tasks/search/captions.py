"""Captions as MiniLM reads them with fewer layers and fewer word pieces."""

from dataclasses import dataclass
from typing import Self

import pandas as pd
import torch
from blake3 import blake3
from tokenizers import Tokenizer
from torch import Tensor

from models.compression.vocabulary import kept_ids
from models.encoders.packaged import load_minilm, read_files
from models.encoders.text_minilm import LONGEST, WIDTH, MiniLM
from models.search.depths import of_depth, sentence_depths
from tasks.params.encoders import EncoderParams
from tasks.train.cache import cached
from tasks.train.features import recipe
from tasks.train.parallel import on_every_core
from tasks.workspace import Workspace

TOKENIZER = "tokenizer.json"


def captions_at(
    known: pd.DataFrame, workspace: Workspace, params: EncoderParams, *, layers: int, tokens: int
) -> Tensor:
    """Distinct captions (T, 768), in alphabetical order, as a smaller MiniLM describes them.

    Args:
        known: rows whose captions are read; those of the split `train` decide which word pieces
            stay.
        workspace: where the cache is.
        params: encoders of the training.
        layers: that it keeps.
        tokens: word pieces that it knows.
    """
    return of_depth(_means(_Captions.of(known), workspace, params, tokens), layers)


@dataclass(frozen=True)
class _Captions:
    """Distinct captions in alphabetical order, all and those of the training rows."""

    all: list[str]
    learnt: list[str]

    @classmethod
    def of(cls, known: pd.DataFrame) -> Self:
        texts, training = known["caption"], known["split"] == "train"
        return cls(*(sorted(set(_texts(some))) for some in (texts, texts[training])))


def _texts(column: pd.Series) -> list[str]:
    return [text for text in column if isinstance(text, str) and text]


def _means(captions: _Captions, workspace: Workspace, params: EncoderParams, tokens: int) -> Tensor:
    def compute() -> Tensor:
        encoder = load_minilm()
        whole = [encoder.tokens(caption) for caption in captions.all]
        full = encoder.tokenizer.get_vocab_size()
        if tokens == full:
            return _read(encoder, whole)
        spelt = _spelt(captions, tokens)
        changed = [place for place, ids in enumerate(spelt) if ids != whole[place]]
        means = _means(captions, workspace, params, full).clone()
        if changed:
            means[changed] = _read(encoder, [spelt[place] for place in changed])
        return means

    contents = [blake3(text.encode()).hexdigest() for text in (*captions.all, "", *captions.learnt)]
    settings = {"encoder": params.text, "depths": "all", "tokens": tokens, "others": "nearest"}
    return cached(workspace.features, recipe(settings, params.text, contents), compute)


def _spelt(captions: _Captions, tokens: int) -> list[list[int]]:
    """Ids of the captions' pieces in the whole table, where only some of its rows are left."""
    old = read_files("minilm")[TOKENIZER].decode()
    kept = kept_ids(old, texts=captions.learnt, size=tokens)
    small = Tokenizer.from_str(without(old, kept))
    small.enable_truncation(LONGEST)
    small.no_padding()
    return [[kept[i] for i in small.encode(caption).ids] for caption in captions.all]


def _read(encoder: MiniLM, sentences: list[list[int]]) -> Tensor:
    found = on_every_core(
        lambda ids: sentence_depths(encoder, ids), sentences, "reading captions at every depth"
    )
    return torch.stack(found) if found else torch.zeros(0, 7, WIDTH)
