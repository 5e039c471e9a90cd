"""Captions as MiniLM reads them with fewer layers and fewer word pieces."""

from dataclasses import dataclass
from typing import Self

import pandas as pd
import torch
from blake3 import blake3
from torch import Tensor

from models.compression.merged_vocabulary import nearest
from models.compression.vocabulary import kept_ids
from models.encoders.packaged import load_minilm, read_files
from models.encoders.text_minilm import WIDTH, MiniLM
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
        borrowed = _borrowed(encoder, captions, whole, tokens)
        changed = [place for place, ids in enumerate(borrowed) if ids != whole[place]]
        means = _means(captions, workspace, params, full).clone()
        if changed:
            means[changed] = _read(encoder, [borrowed[place] for place in changed])
        return means

    contents = [blake3(text.encode()).hexdigest() for text in (*captions.all, "", *captions.learnt)]
    settings = {"encoder": params.text, "depths": "all", "tokens": tokens, "others": "nearest"}
    return cached(workspace.features, recipe(settings, params.text, contents), compute)


def _borrowed(
    encoder: MiniLM, captions: _Captions, whole: list[list[int]], tokens: int
) -> list[list[int]]:
    """Ids of the captions' pieces, where those that lost their row use that of their nearest."""
    kept = kept_ids(read_files("minilm")[TOKENIZER].decode(), texts=captions.learnt, size=tokens)
    place = nearest(encoder.bert.embeddings.word_embeddings.weight, kept)
    return [[kept[place[i]] for i in ids] for ids in whole]


def _read(encoder: MiniLM, sentences: list[list[int]]) -> Tensor:
    found = on_every_core(
        lambda ids: sentence_depths(encoder, ids), sentences, "reading captions at every depth"
    )
    return torch.stack(found) if found else torch.zeros(0, 7, WIDTH)
