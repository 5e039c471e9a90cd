"""MiniLM: a frozen English sentence encoder of the BERT family.

Shapes: B sentences, L tokens, D = 384.
Source: Wang et al. 2020, https://arxiv.org/abs/2002.10957; trained on sentence pairs as
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 tells, with the mean of the tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.encoders.pooling import masked_mean
from models.foreign import transformers

WIDTH = 384
"""Size D of a layer's vectors."""
SIZES = (WIDTH, WIDTH)
"""Widths of the description's parts: mean of the last layer, and of the one at two thirds, which
holds more of the words and less of the sentence. On the stamps it adds to a logistic regression."""
LONGEST = 256
"""Tokens that the model was trained on; what comes after is cut off."""


class MiniLM(nn.Module):
    """Sentences to vectors; the tokenizer belongs to the weights and comes with them.

    Args:
        config: the model's config.json.
        tokenizer: the text of its tokenizer.json.
    """

    def __init__(self, *, config: Mapping[str, Any], tokenizer: str) -> None:
        super().__init__()
        self.bert = transformers.BertModel(
            transformers.BertConfig(**config), add_pooling_layer=False
        )
        self.tokenizer = Tokenizer.from_str(tokenizer)
        self.tokenizer.enable_truncation(LONGEST)
        self.tokenizer.no_padding()  # the file pads everything to 128

    def tokens(self, sentence: str) -> list[int]:
        """Word-piece ids of a sentence, with [CLS] and [SEP], 256 at most."""
        ids: list[int] = self.tokenizer.encode(sentence).ids
        return ids

    def forward(self, ids_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """(B, L) token ids, and which of them are real, to (B, 2 D): parts of SIZES."""
        found = self.bert(input_ids=ids_BL, attention_mask=mask_BL, output_hidden_states=True)
        layers = found.hidden_states  # the first is the embedding, before any layer
        tapped = layers[(len(layers) - 1) * 2 // 3]
        return torch.cat([masked_mean(layer, mask_BL) for layer in (layers[-1], tapped)], 1)

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """(B, 2 D): each sentence by itself, so that its vector depends on nothing else."""
        rows = [torch.tensor([self.tokens(sentence)]) for sentence in sentences]
        return torch.cat([self(row, torch.ones_like(row)) for row in rows])


def from_state_dict(
    weights: Mapping[str, Tensor], *, config: Mapping[str, Any], tokenizer: str
) -> MiniLM:
    """The frozen encoder with published weights.

    Raises:
        RuntimeError: keys or shapes are not those of the config (torch names them).
    """
    model = MiniLM(config=config, tokenizer=tokenizer)
    # Unused: the pooler answers BERT's next-sentence question, position_ids is 0, 1, 2...
    used = {
        name: tensor
        for name, tensor in weights.items()
        if not name.startswith("pooler.") and name != "embeddings.position_ids"
    }
    model.bert.load_state_dict(used, strict=True)
    return model.eval().requires_grad_(False)
