"""Whisper's encoder against transformers' own, with the same weights."""

import numpy as np
import pytest
import torch

from models.encoders.audio_frontend import WhisperLogMel
from models.encoders.audio_whisper import WhisperEncoder, WhisperSegments, from_ctranslate2
from models.foreign import transformers


def arrays(width: int = 64, layers: int = 2, bins: int = 80, positions: int = 1500) -> dict:
    """Random weights under CTranslate2's names, as its Whisper converter writes them."""
    random = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return (0.1 * random.standard_normal(shape)).astype(np.float16)

    made = {
        "conv1/weight": normal(width, bins, 3),
        "conv1/bias": normal(width),
        "conv2/weight": normal(width, width, 3),
        "conv2/bias": normal(width),
        "position_encodings/encodings": normal(positions, width),
        "layer_norm/gamma": 1 + normal(width),
        "layer_norm/beta": normal(width),
    }
    for i in range(layers):
        for part in ("self_attention", "ffn"):
            made[f"layer_{i}/{part}/layer_norm/gamma"] = 1 + normal(width)
            made[f"layer_{i}/{part}/layer_norm/beta"] = normal(width)
        for part, index, rows, columns in (
            ("self_attention", 0, 3 * width, width),
            ("self_attention", 1, width, width),
            ("ffn", 0, 4 * width, width),
            ("ffn", 1, width, 4 * width),
        ):
            made[f"layer_{i}/{part}/linear_{index}/weight"] = normal(rows, columns)
            made[f"layer_{i}/{part}/linear_{index}/bias"] = normal(rows)
    return {f"encoder/{name}": values for name, values in made.items()}


def transformers_encoder(ours: WhisperEncoder, layers: int) -> torch.nn.Module:
    """transformers' WhisperEncoder with our weights; its keys have no bias, which must be zero."""
    width = ours.positions.shape[1]
    config = transformers.WhisperConfig(
        d_model=width,
        encoder_layers=layers,
        encoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_layers=1,
        decoder_attention_heads=width // 64,
        num_mel_bins=80,
    )
    state = {"embed_positions.weight": ours.positions}
    for name in ("conv1", "conv2"):
        state |= {
            f"{name}.{kind}": getattr(getattr(ours, name), kind) for kind in ("weight", "bias")
        }
    for kind in ("weight", "bias"):
        state[f"layer_norm.{kind}"] = getattr(ours.norm, kind)
        for i, block in enumerate(ours.blocks):
            query, key, value = getattr(block.query_key_value, kind).chunk(3)
            state[f"layers.{i}.self_attn.q_proj.{kind}"] = query
            state[f"layers.{i}.self_attn.v_proj.{kind}"] = value
            if kind == "weight":
                state[f"layers.{i}.self_attn.k_proj.weight"] = key
            state[f"layers.{i}.self_attn.out_proj.{kind}"] = getattr(block.attention_out, kind)
            state[f"layers.{i}.self_attn_layer_norm.{kind}"] = getattr(block.attention_norm, kind)
            state[f"layers.{i}.final_layer_norm.{kind}"] = getattr(block.feed_norm, kind)
            state[f"layers.{i}.fc1.{kind}"] = getattr(block.feed_in, kind)
            state[f"layers.{i}.fc2.{kind}"] = getattr(block.feed_out, kind)
    model = transformers.WhisperModel(config).encoder.eval()
    model.load_state_dict(state)
    return model


def test_thirty_seconds_equal_transformers_encoder():
    weights = arrays()
    for i in range(2):  # Whisper's keys have no bias; CTranslate2 stores zeros in its place
        weights[f"encoder/layer_{i}/self_attention/linear_0/bias"][64:128] = 0
    ours = from_ctranslate2(weights)
    mel = WhisperLogMel()(0.1 * torch.randn(480_000, generator=torch.Generator().manual_seed(1)))
    with torch.no_grad():
        theirs = transformers_encoder(ours, layers=2)(mel[None]).last_hidden_state
        torch.testing.assert_close(ours(mel[None]), theirs, atol=1e-4, rtol=1e-4)


def test_a_short_clip_equals_transformers_encoder_with_a_cropped_table():
    weights = arrays(positions=1500)
    for i in range(2):
        weights[f"encoder/layer_{i}/self_attention/linear_0/bias"][64:128] = 0
    ours = from_ctranslate2(weights)
    theirs = transformers_encoder(ours, layers=2)
    theirs.embed_positions = torch.nn.Embedding.from_pretrained(ours.positions[:50])
    theirs.config.max_source_positions = 50
    mel = torch.randn(1, 80, 100, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(ours(mel), theirs(mel).last_hidden_state, atol=1e-4, rtol=1e-4)


def test_too_long_a_clip_is_refused():
    with pytest.raises(ValueError, match="22 mel frames: at most 20 fit; shorten the clip"):
        from_ctranslate2(arrays(positions=10))(torch.zeros(1, 80, 22))


@pytest.mark.parametrize("samples", [1, 319, 320, 17_000])
def test_any_length_of_clip_gives_the_same_number_of_segments(samples):
    wave = torch.randn(samples, generator=torch.Generator().manual_seed(samples))
    segments = WhisperSegments(from_ctranslate2(arrays()), segments=8)(wave)
    assert segments.shape == (8, 64)
    assert segments.isfinite().all()


def test_segments_are_means_over_the_clip_without_the_silence_added():
    encoder = from_ctranslate2(arrays())
    model = WhisperSegments(encoder, segments=4)
    wave = torch.randn(16_000, generator=torch.Generator().manual_seed(5))
    padded = torch.cat([wave, torch.zeros(3_200)])  # 0.2 s
    full = encoder(model.front_end(padded)[None])[0]
    # 50 positions in 4 spans: 0-13, 12-25, 25-38, 37-50, as adaptive_avg_pool1d cuts them.
    spans = [(0, 13), (12, 25), (25, 38), (37, 50)]
    means = torch.stack([full[start:end].mean(0) for start, end in spans])
    torch.testing.assert_close(model(wave), means)


def test_missing_variables_and_odd_widths_are_refused():
    weights = arrays()
    del weights["encoder/conv2/bias"]
    with pytest.raises(KeyError, match="encoder/conv2/bias"):
        from_ctranslate2(weights)
    with pytest.raises(ValueError, match="width=100: must be a multiple of 64"):
        WhisperEncoder(width=100, layers=1)
