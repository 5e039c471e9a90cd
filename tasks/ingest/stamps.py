"""Source `stamps`: pictures, words in many languages and their recordings, from a Debian package.

Each `stem.txt` names a stamp: English in the first line, `xx.utf8=` for other languages. Its
picture is `stem.png`, else `stem.svg`; its recordings are `stem_desc_<language>.ogg`, in English
`stem_desc.ogg`.
"""

import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import blake3

from tasks.errors import InputError
from tasks.ingest import apt, deb
from tasks.ingest.groups import join
from tasks.ingest.source import Gathered, Row
from tasks.params.ingest import IngestParams
from tasks.progress import say

PACKAGE = "tuxpaint-stamps-default"
LICENCE = "GPL-2"  # the package's copyright file: Files: *
FOLDER = "usr/share/tuxpaint/stamps"

TRANSLATION = re.compile(r"([A-Za-z_@]+)\.utf8=(.*)")
RECORDING = re.compile(r"(?P<stem>.+)_desc(?:_(?P<language>[A-Za-z_@]+))?\.(?:ogg|wav)(?:\.ogg)?")
"""One file of the package is called *.ogg.ogg."""


@dataclass(frozen=True)
class Stamp:
    """A picture with its name in several languages, written and spoken.

    Args:
        name: path below the stamps' folder, without a suffix; its first folder is the label.
        english: the first line of the text.
        texts: by language, English among them.
        image: file, or None.
        recordings: files by language.
    """

    name: str
    english: str
    texts: Mapping[str, str]
    image: Path | None
    recordings: Mapping[str, Path]

    @property
    def complete(self) -> bool:
        return bool(self.english and self.image and self.recordings)


class Stamps:
    """The Debian package `tuxpaint-stamps-default`, GPL-2.

    Args:
        params: section `ingest`.
        deb: a package file that the user has, or None.
        downloads: folder that downloads are kept in.
        apt_options: more settings for apt, see `apt.download`.
    """

    def __init__(
        self,
        params: IngestParams,
        *,
        deb: Path | None,
        downloads: Path,
        apt_options: tuple[str, ...] = (),
    ) -> None:
        self._params = params
        self._deb = deb
        self._downloads = downloads
        self._apt_options = apt_options

    def fetch(self) -> Path | None:
        """The package file: the one given, else one downloaded before, else downloaded now."""
        if self._deb is not None:
            self._check(self._deb, advice="give the right file as `ingest.stamps.deb`")
            return self._deb
        settings = self._params.stamps
        kept = self._downloads / f"{PACKAGE}_{settings.version}_all.deb"
        if kept.is_file():
            if deb.sha256(kept) == settings.sha256:
                return kept
            say(f"{kept} is not the pinned file: downloading it again")
        return self._download()

    def read(self, raw: Path | None, scratch: Path) -> Gathered:
        """Unpack, group all complete stamps, keep the clips that the parameters ask for."""
        if raw is None:
            raise InputError(f"source stamps needs the file of the package {PACKAGE}")
        say(f"unpacking {raw.name}")
        fields = deb.control(raw)
        deb.unpack(raw, FOLDER, scratch)
        every = list(find(scratch))
        complete = [stamp for stamp in every if stamp.complete]
        if not complete:
            raise InputError(f"{raw} holds no complete stamp below {FOLDER}: is it {PACKAGE}?")
        groups = join({stamp.name: list(_shared(stamp)) for stamp in complete})
        rows = [row for stamp in complete for row in _rows(stamp, groups[stamp.name], scratch)]
        kept, left_out = _asked_for(rows, self._params)
        facts: dict[str, str | int] = {
            "package": fields["Package"],
            "version": fields["Version"],
            "sha256": deb.sha256(raw),
            "licence": LICENCE,
            "stamps": len(every),
            "complete_stamps": len(complete),
            "complete_clips": len(rows),
            "groups": len(set(groups.values())),
        }
        return Gathered(scratch, kept, facts, left_out)

    def _download(self) -> Path:
        """Download beside, check, then rename: a file under its final name is always whole."""
        settings = self._params.stamps
        version = None if settings.allow_other_version else settings.version
        self._downloads.mkdir(parents=True, exist_ok=True)
        partial = self._downloads / "apt.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            say(f"downloading {PACKAGE} with apt, about 160 MB")
            fresh = apt.download(PACKAGE, version, partial, self._apt_options)
            self._check(fresh, advice=apt.OTHER_WAYS)
            # apt writes ":" of a version as "%3a"; the name only has to be found again.
            return fresh.rename(self._downloads / fresh.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _check(self, file: Path, advice: str) -> None:
        fields = deb.control(file)
        if fields["Package"] != PACKAGE:
            raise InputError(f"{file} is the package {fields['Package']}, not {PACKAGE}: {advice}")
        settings = self._params.stamps
        found = deb.sha256(file)
        if found == settings.sha256:
            return
        if not settings.allow_other_version:
            raise InputError(
                f"{file.name} (version {fields['Version']}) has sha256 {found}, but "
                f"`ingest.stamps.sha256` pins {settings.sha256}: {advice}; or set "
                "`ingest.stamps.allow_other_version: true` to take it as it is"
            )
        say(
            f"taking {file.name}, version {fields['Version']}, sha256 {found}: "
            "it is not the pinned one"
        )


def find(root: Path) -> Iterator[Stamp]:
    """All stamps below a folder, complete or not, by name."""
    recordings: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in sorted(root.rglob("*_desc*")):
        if match := RECORDING.fullmatch(path.name):
            spoken = recordings.setdefault((path.parent, match["stem"]), {})
            spoken.setdefault(match["language"] or "en", path)
    for path in sorted(root.rglob("*.txt")):
        lines = _clean(path.read_text(encoding="utf-8", errors="replace")).splitlines()
        english = lines[0].strip() if lines else ""
        found = (TRANSLATION.fullmatch(line) for line in lines[1:])
        texts = {match[1]: match[2].strip() for match in found if match}
        images = (path.with_suffix(suffix) for suffix in (".png", ".svg"))
        yield Stamp(
            name=path.relative_to(root).with_suffix("").as_posix(),
            english=english,
            texts=texts | {"en": english},
            image=next((image for image in images if image.is_file()), None),
            recordings=recordings.get((path.parent, path.stem), {}),
        )


def _shared(stamp: Stamp) -> Iterator[Hashable]:
    """What two stamps must not share across the split: the name, a picture, a recording."""
    yield "text", stamp.english.casefold()
    for file in (stamp.image, *stamp.recordings.values()):
        if file is not None:
            yield "file", blake3.blake3(file.read_bytes()).digest()


def _rows(stamp: Stamp, group: str, root: Path) -> Iterator[Row]:
    for language, recording in stamp.recordings.items():
        yield Row(
            id=f"{stamp.name}@{language}",
            item=stamp.name,
            group=group,
            language=language,
            label=stamp.name.split("/")[0],
            split=None,
            caption=stamp.english,
            text=stamp.texts[language] or None if language in stamp.texts else None,
            image=stamp.image.relative_to(root).as_posix() if stamp.image else None,
            audio=recording.relative_to(root).as_posix(),
        )


def _asked_for(rows: list[Row], params: IngestParams) -> tuple[list[Row], dict[str, int]]:
    """The rows of these languages and labels, and how many others there are."""
    labels = {*params.labels, *params.extra_labels}
    kept, left_out = [], Counter[str]()
    for row in rows:
        if row.language not in params.languages:
            left_out[f"language {row.language}"] += 1
        elif row.label not in labels:
            left_out[f"label {row.label}"] += 1
        else:
            kept.append(row)
    return kept, dict(sorted(left_out.items()))


def _clean(text: str) -> str:
    """One way to write each accented letter (NFC), whatever the translator's keyboard made."""
    return unicodedata.normalize("NFC", text)
