import torch

from models.compression.positions import crop_positions
from models.compression.reload import numbers, reload
from models.compression.student import Pooled, ViewModel
from models.encoders.audio_whisper import WhisperEncoder
from models.multimodal import View
from models.spec import Spec, TowerSpec
from models.towers import Segments


def speech() -> ViewModel:
    tower = TowerSpec("segments", {"segments": 2, "width": 64})
    spec = Spec(
        classes=["a", "b"],
        languages=["x"],
        characters="abc",
        towers=dict.fromkeys(("image", "caption", "text", "audio"), tower),
        width=4,
        hidden=8,
        dropout=0.0,
        trust=dict.fromkeys(("image", "caption", "text", "audio"), 1.0),
    )
    torch.manual_seed(0)
    encoder = WhisperEncoder(width=64, layers=1, positions=1500)
    torch.nn.init.normal_(encoder.positions)
    head = View(Segments(segments=2, width=64), spec)
    module = ViewModel(view="audio", encoder=Pooled(encoder, segments=2), head=head)
    return module.eval().requires_grad_(False)


def test_clips_up_to_the_length_are_answered_to_the_bit() -> None:
    module = speech()
    cropped = crop_positions(module, seconds=1.0)
    # 1 s and 0.2 s of silence are 60 positions of 20 ms.
    assert len(cropped.encoder.encoder.positions) == 61
    mel, positions = torch.randn(1, 80, 120), torch.tensor([50])
    for expected, found in zip(module(mel, positions), cropped(mel, positions), strict=True):
        assert torch.equal(expected, found)
    again = reload(module, cropped.state_dict(), numbers(cropped))
    assert torch.equal(again(mel, positions)[0], cropped(mel, positions)[0])


def test_a_table_that_is_short_enough_stays() -> None:
    module = speech()
    assert crop_positions(module, seconds=60.0) is module
