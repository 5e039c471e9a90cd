"""The source that params.yaml names."""

from tasks.ingest.digits import Digits
from tasks.ingest.folder import Folder
from tasks.ingest.source import Source
from tasks.ingest.stamps import Stamps
from tasks.params.ingest import IngestParams
from tasks.workspace import Workspace


def open_source(params: IngestParams, workspace: Workspace) -> Source:
    """Choose by `ingest.source`; paths in params.yaml are relative to the workspace."""
    match params.source:
        case "stamps":
            given = params.stamps.deb
            deb = None if given is None else workspace.root / given
            return Stamps(params, deb=deb, downloads=workspace.raw)
        case "folder":
            return Folder(params, manifest=workspace.root / params.folder.manifest)
        case "digits":
            return Digits(params)
