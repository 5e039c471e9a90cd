"""Turn what a source holds into the manifest and the media folder, and record both."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import blake3
from prefect import task
from prefect.cache_policies import NO_CACHE

from provenance import Artifact
from tasks.errors import InputError
from tasks.ingest import manifest, pictures, set_aside
from tasks.ingest.examine import as_published
from tasks.ingest.look import Looked, look
from tasks.ingest.open_source import open_source
from tasks.ingest.report import report
from tasks.ingest.report import write as write_report
from tasks.ingest.source import Gathered
from tasks.ingest.split import check_labels, split
from tasks.params.ingest import IngestParams
from tasks.progress import say, track
from tasks.tracked import TrackedRun, tracked_run
from tasks.workspace import Workspace


@task(cache_policy=NO_CACHE)  # dvc decides what is stale
def gather(params: IngestParams, raw: Artifact | None, workspace: Workspace) -> Artifact:
    """Look into every file, set the bad rows aside, split by group, publish.

    Args:
        params: section `ingest`.
        raw: the source's file, None where a Python package holds the data.
        workspace: data/manifest.parquet, data/media and mlruns/stages/ingest/ are written.

    Returns:
        the manifest.

    Raises:
        InputError: the source is damaged, or a class has too few groups.
        CheckFailed: too many rows had to be set aside.
        TamperedError: the source's file has changed since it was fetched.
    """
    source = open_source(params, workspace)
    stage = workspace.stage("ingest")
    with tracked_run("ingest", params, workspace=workspace) as run, _scratch(workspace) as scratch:
        if raw is not None:
            run.external(raw)
        found = source.read(None if raw is None else raw.verified(), scratch)
        for warning in found.warnings:
            say(f"WARNING: {warning}")
        looked = look(found, params.svg_pixels)
        failed = stage / "failed" / "set_aside.jsonl"
        set_aside.check_limit(looked.aside, len(found.rows), params.max_set_aside, failed)
        check_labels(looked.rows, params.labels, params.min_groups_per_label)
        rows = manifest.records(
            looked, split(looked.rows, params.split, params.seed), params.labels
        )
        content = report(found, looked, rows)
        run.publish(workspace.media, partial(_write_media, found.root, looked, params.svg_pixels))
        run.publish(stage / "set_aside.jsonl", partial(set_aside.write, looked.aside))
        run.publish(stage / "report.json", partial(write_report, content))
        made = run.publish(workspace.manifest, partial(manifest.write, rows))
        run.dataset(
            name=params.source, digest=made.digest, frame=manifest.frame(rows), context="ingest"
        )
        _show(run, params, found, looked)
        run.summary({name: content[name] for name in ("rows", "class_rows", "items", "groups")})
        run.summary(
            {"set_aside": len(looked.aside), "quality_median": content["quality"]["median"]}
        )
        return made


def _show(run: TrackedRun, params: IngestParams, found: Gathered, looked: Looked) -> None:
    """What a person sees of the data in the MLflow UI."""
    for name, fact in found.facts.items():
        run.tag(f"source.{name}", str(fact))
    for warning in found.warnings:
        run.tag("warning", warning)
    sheet = pictures.contact_sheet(looked, found.root, params.svg_pixels, params.seed)
    run.picture("data/samples.png", sheet)
    run.picture("data/labels_and_languages.png", pictures.heat_map(looked))


def _write_media(root: Path, looked: Looked, svg_pixels: int, folder: Path) -> None:
    """Copy the files of the good rows, and refuse one that is not the file we looked into."""
    digests: Mapping[str, str] = {
        **{row.image: looked.images[row.image].blake3 for row in looked.rows if row.image},
        **{row.audio: looked.sounds[row.audio].blake3 for row in looked.rows if row.audio},
    }
    for path, digest in track(sorted(digests.items()), len(digests), "copying media"):
        data = as_published(root / path, (root / path).read_bytes(), svg_pixels)
        if blake3.blake3(data).hexdigest() != digest:
            raise InputError(
                f"{root / path} changed while it was read: leave it alone and run again"
            )
        target = folder / manifest.published_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


@contextmanager
def _scratch(workspace: Workspace) -> Iterator[Path]:
    """An empty folder beside the downloads; a killed run's leftovers are swept first."""
    folder = workspace.raw / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
