"""Media inside an HTML page, as data URIs: the page needs no other file."""

import base64
import io
from pathlib import Path

SIDE = 320
"""Pixels of the longer side at most: a sheet of pictures must stay small enough to open."""

SOUNDS = {
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
}
"""Kinds of sound that browsers play; `mimetypes` would depend on the machine's own tables."""


def picture_uri(path: Path) -> str:
    """A picture as PNG, made smaller where it is large; transparency stays."""
    # Imported here: only the end of the stage shows pictures.
    from PIL import Image

    with Image.open(path) as image:
        image.seek(0)
        small = image.convert("RGBA")
    small.thumbnail((SIDE, SIDE))
    packed = io.BytesIO()
    small.save(packed, "PNG", optimize=True)
    return _uri("image/png", packed.getvalue())


def sound_uri(path: Path) -> str | None:
    """A sound file as it is, or None where browsers would not play its kind."""
    kind = path.suffix.lower()
    return _uri(SOUNDS[kind], path.read_bytes()) if kind in SOUNDS else None


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
