"""What the encoders say about the manifest's pictures, captions and recordings.

Frozen encoders run once: results are cached under the digest of the contents, the weights, the
settings and the code version. Encoders that train get pixels, characters and frames instead.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import soundfile
import torch
from blake3 import blake3
from torch import Tensor

from models.encoders import text_minilm
from models.encoders.audio_frontend import BINS, FrontEnd
from models.encoders.image_efficientnet import SIZES
from models.encoders.packaged import (
    PACKAGED,
    load_class_names,
    load_efficientnet,
    load_minilm,
    load_whisper,
    weights_digest,
)
from models.encoders.text_chars import Vocabulary
from models.features import Features
from models.media import pixels, samples
from models.search.depths import WhisperDepths
from tasks.errors import CheckFailed, InputError
from tasks.params.encoders import EncoderParams
from tasks.train.cache import cached
from tasks.train.parallel import on_every_core
from tasks.workspace import Workspace

CODE = "2"
"""Raise it whenever a change here or in the encoders changes the numbers."""


def chosen(params: EncoderParams) -> tuple[str, ...]:
    """Names of the packaged encoders that these settings use."""
    encoders = [name for name in (params.image, params.text, params.audio) if name in PACKAGED]
    return (*encoders, "imagenet-names") if params.image_names else tuple(encoders)


def encode(manifest: pd.DataFrame, ws: Workspace, params: EncoderParams) -> Features:
    """Describe every row of the manifest.

    Args:
        manifest: rows as ingest writes them.
        ws: where the media and the cache are.
        params: which encoders.

    Raises:
        MissingWeightsError: a packaged encoder is not installed.
        TamperedError: a packaged encoder's weights are not the expected bytes.
        InputError: a media file is missing or cannot be decoded.
        CheckFailed: a media file is not what the manifest says.
    """
    image, image_row = images(manifest, ws, params)
    audio, audio_row = _sounds(manifest, ws, params)
    vocabulary = _vocabulary(manifest, params)
    caption, caption_row = _captions(manifest, ws, params, vocabulary)
    return Features(
        image=image,
        image_row=image_row,
        caption=caption,
        caption_row=caption_row,
        audio=audio,
        audio_row=audio_row,
        text_ids=vocabulary.encode(_texts(manifest["text"]), length=params.text_characters),
        characters=vocabulary.characters,
    )


def images(manifest: pd.DataFrame, ws: Workspace, params: EncoderParams) -> tuple[Tensor, Tensor]:
    """Distinct pictures, sorted by digest, at `image_pixels`, and the picture of every row.

    Raises:
        MissingWeightsError, TamperedError, InputError, CheckFailed: as `encode`.
    """
    media, row = distinct_media(manifest, ws, "image")
    side = params.image_pixels

    def compute() -> Tensor:
        if params.image == "resnet":
            return _stacked(media, lambda data: pixels(data, side), "pictures", (3, side, side))
        encoder = load_efficientnet()
        return _stacked(
            media,
            lambda data: encoder(pixels(data, side)[None].float())[0],
            "pictures",
            (sum(SIZES),),
        )

    settings = {"encoder": params.image, "pixels": side}
    return cached(ws.features, recipe(settings, params.image, media), compute), row


def sounds_at_every_depth(
    manifest: pd.DataFrame, ws: Workspace, params: EncoderParams
) -> tuple[Tensor, Tensor]:
    """Distinct recordings (A, depths, segments, 384) after each block of Whisper, and every row's.

    All depths come from the pass that the last one needs, so training keeps them for the search.

    Raises:
        MissingWeightsError, TamperedError, InputError, CheckFailed: as `encode`.
    """
    media, row = distinct_media(manifest, ws, "audio")
    seconds, segments = params.audio_seconds, params.audio_segments

    def compute() -> Tensor:
        whisper = load_whisper()
        encoder = WhisperDepths(whisper, segments=segments)
        return _stacked(
            media,
            lambda data: encoder(samples(data, seconds)).half(),
            "clips",
            (len(whisper.blocks), segments, 384),
        )

    settings = {
        "encoder": "whisper-tiny",
        "depths": "all",
        "seconds": seconds,
        "segments": segments,
    }
    return cached(ws.features, recipe(settings, "whisper-tiny", media), compute), row


def _sounds(manifest: pd.DataFrame, ws: Workspace, params: EncoderParams) -> tuple[Tensor, Tensor]:
    if params.audio == "whisper-tiny":
        depths, row = sounds_at_every_depth(manifest, ws, params)
        return depths[:, -1].contiguous(), row
    media, row = distinct_media(manifest, ws, "audio")

    def frames() -> Tensor:
        front_end = FrontEnd(params.front_end)
        found = _each(
            media, lambda data: front_end(samples(data, params.audio_seconds)).half(), "clips"
        )
        if not found:
            return torch.zeros(0, 1, BINS, dtype=torch.float16)
        return torch.nn.utils.rnn.pad_sequence(found, batch_first=True)

    settings = {"encoder": params.front_end, "seconds": params.audio_seconds}
    return cached(ws.features, recipe(settings, params.audio, media), frames), row


def _captions(
    manifest: pd.DataFrame, ws: Workspace, params: EncoderParams, vocabulary: Vocabulary
) -> tuple[Tensor, Tensor]:
    texts = _texts(manifest["caption"])
    distinct = distinct_captions(manifest)
    place = {text: i for i, text in enumerate(distinct)}
    row = torch.tensor([-1 if text is None else place[text] for text in texts], dtype=torch.long)
    if params.text == "chars":
        return vocabulary.encode(distinct, length=params.text_characters), row

    def compute() -> Tensor:
        encoder = load_minilm()
        found = on_every_core(lambda text: encoder.encode([text])[0], distinct, "reading captions")
        return torch.stack(found) if found else torch.zeros(0, sum(text_minilm.SIZES))

    contents = [blake3(text.encode()).hexdigest() for text in distinct]
    own = recipe({"encoder": params.text}, params.text, contents)
    return cached(ws.features, own, compute), row


def distinct_captions(manifest: pd.DataFrame) -> list[str]:
    """Each caption once, sorted: contents of the view `caption`, in their order."""
    return sorted({text for text in _texts(manifest["caption"]) if text is not None})


def class_names(ws: Workspace, params: EncoderParams) -> Tensor | None:
    """(1000, 384): ImageNet's classes by name, as MiniLM reads them, less their mean.

    None where `image_names` is off. Without the mean, a picture of which nothing is known has no
    meaning at all instead of the meaning of everything.

    Raises:
        MissingWeightsError, TamperedError: as `encode`.
    """
    if not params.image_names:
        return None

    def compute() -> Tensor:
        encoder = load_minilm()
        read = on_every_core(
            lambda name: encoder.encode([name])[0, : text_minilm.WIDTH],
            load_class_names(),
            "reading class names",
        )
        unit = torch.nn.functional.normalize(torch.stack(read), dim=1)
        return unit - unit.mean(0)

    contents = [weights_digest("imagenet-names")]
    return cached(ws.features, recipe({"encoder": "class names"}, params.text, contents), compute)


def _vocabulary(manifest: pd.DataFrame, params: EncoderParams) -> Vocabulary:
    """Characters of the training rows; captions count where they are read by letter too."""
    training = manifest[manifest["split"] == "train"]
    columns = ["text", "caption"] if params.text == "chars" else ["text"]
    return Vocabulary.of(t for name in columns for t in _texts(training[name]) if t is not None)


Media = dict[str, Path]
"""Digest to file, in the order of the digests."""


def distinct_media(manifest: pd.DataFrame, ws: Workspace, kind: str) -> tuple[Media, Tensor]:
    """Each content once, sorted by digest, and the place of every row's content."""
    names, digests = _texts(manifest[kind]), _texts(manifest[f"{kind}_blake3"])
    pairs = [(d, n) if d and n else None for d, n in zip(digests, names, strict=True)]
    # Of files with equal bytes the last by name is read; any would do.
    media = {digest: ws.media / name for digest, name in sorted({p for p in pairs if p})}
    place = {digest: i for i, digest in enumerate(media)}
    rows = [place[pair[0]] if pair else -1 for pair in pairs]
    return media, torch.tensor(rows, dtype=torch.long)


def _each(media: Media, encode_bytes: Callable[[bytes], Tensor], what: str) -> list[Tensor]:
    def one(item: tuple[str, Path]) -> Tensor:
        digest, path = item
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; `cairn run` makes it again") from error
        if (found := blake3(data).hexdigest()) != digest:
            raise CheckFailed(
                f"{path}: expected blake3 {digest[:8]}... as in the manifest, found "
                f"{found[:8]}...: `cairn run` makes it again"
            )
        try:
            return encode_bytes(data)
        except (OSError, ValueError, soundfile.LibsndfileError) as error:
            raise InputError(f"{path}: cannot be decoded ({error})") from error

    return on_every_core(one, list(media.items()), f"encoding {what}")


def _stacked(
    media: Media, encode_bytes: Callable[[bytes], Tensor], what: str, shape: tuple[int, ...]
) -> Tensor:
    """As `_each`, in one tensor; (0, *shape) if there is nothing."""
    found = _each(media, encode_bytes, what)
    return torch.stack(found) if found else torch.zeros(0, *shape)


def recipe(
    settings: Mapping[str, object], encoder: str, contents: Sequence[str] | Media
) -> dict[str, object]:
    """Everything that a cached tensor depends on."""
    return {
        **settings,
        "weights": weights_digest(encoder) if encoder in PACKAGED else "",
        "code": CODE,
        "libraries": {
            name: version(name) for name in ("torch", "torchaudio", "pillow", "soundfile")
        },
        "contents": list(contents),
    }


def _texts(column: pd.Series) -> list[str | None]:
    """A text column with None for what is missing or empty."""
    return [value if isinstance(value, str) and value else None for value in column]
