"""MiniLM's wrapper, with a tiny random BERT: test_packaged.py tests the packaged weights."""

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from models.encoders.text_minilm import from_state_dict
from models.foreign import transformers

CONFIG = {
    "vocab_size": 5,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 300,
}


def tokenizer() -> str:
    made = Tokenizer(WordLevel({"[UNK]": 0, "a": 1, "red": 2, "ball": 3}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.enable_padding(length=128)  # as the published file does
    return made.to_str()


def test_a_sentence_is_the_mean_of_its_tokens():
    torch.manual_seed(0)
    bert = transformers.BertModel(transformers.BertConfig(**CONFIG)).eval()
    weights = bert.state_dict() | {"embeddings.position_ids": torch.arange(300)[None]}
    model = from_state_dict(weights, config=CONFIG, tokenizer=tokenizer())
    assert model.tokens("a red ball") == [1, 2, 3], "no padding"
    ids = torch.tensor([[1, 2, 3]])
    # Of one layer, two thirds rounded down is none: the embedding.
    layers = bert(input_ids=ids, output_hidden_states=True).hidden_states
    expected = torch.cat([layers[-1].mean(1), layers[0].mean(1)], 1)
    torch.testing.assert_close(model.encode(["a red ball"]), expected)
    padded, mask = torch.tensor([[1, 2, 3, 0]]), torch.tensor([[1, 1, 1, 0]])
    torch.testing.assert_close(model(padded, mask), expected, atol=1e-5, rtol=1e-4)
    assert len(model.tokens("ball " * 400)) == 256, "cut at what the model was trained on"


def test_wrong_weights_are_refused():
    with pytest.raises(RuntimeError, match=r"embeddings\.word_embeddings\.weight"):
        from_state_dict({}, config=CONFIG, tokenizer=tokenizer())
