"""What a stage reads from the stages before it: only bytes that the provenance log knows."""

from pathlib import Path

from provenance import Artifact, Log, Reason, TamperedError
from tasks.errors import InputError
from tasks.workspace import Workspace


def upstream(workspace: Workspace, path: Path) -> Artifact:
    """The output of an earlier stage, after checking that its bytes are the logged ones.

    Args:
        workspace: the workspace both stages run in.
        path: the file or folder, inside the workspace.

    Raises:
        InputError: nothing is there, or no stage ever logged it.
        TamperedError: the bytes are not those that any run has logged.
    """
    name = workspace.relative(path)
    if not path.exists():
        raise InputError(f"{name} does not exist: run the stage that makes it first (`cairn run`)")
    artifact = Artifact.of(path)
    log = Log.open(workspace.provenance)
    if log.newest(name, artifact.digest) is not None:
        return artifact
    logged = log.newest(name)
    if logged is None:
        raise InputError(f"{name} was not made by a stage of this workspace: run `cairn run`")
    entry, record = logged
    raise TamperedError(
        f"{name}: expected blake3 {record['blake3'][:8]}... (entry {entry.seq}), found "
        f"{artifact.digest[:8]}...; it was changed after it was logged: "
        f"`cairn run --force {entry.body['stage']}` makes it anew",
        Reason.ARTIFACT_CHANGED,
        entry=entry.seq,
        path=name,
    )
