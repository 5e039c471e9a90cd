"""Take the README's screenshots from the runs in this workspace, in the system's Chromium.

python docs/take_pictures.py        # writes docs/pictures/*.png; needs two finished train runs
"""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

if TYPE_CHECKING:
    from tasks.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 860}


def main(address: str) -> None:
    """Take all pictures; `address` is that of a running `cairn ui`'s MLflow page."""
    from tasks.tracking import EXPERIMENT, connect
    from tasks.workspace import Workspace

    mlflow = connect(Workspace(ROOT))
    experiment = mlflow.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = mlflow.search_runs(
        [experiment],
        "tags.`dvc.stage` = 'train' and status = 'FINISHED'",
        output_format="list",
        max_results=2,
    )
    if len(runs) < 2:
        sys.exit("two finished train runs are needed: `cairn run --force train` makes another one")
    PICTURES.mkdir(exist_ok=True)
    ids = [run.info.run_id for run in runs]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE)
        _compare(page, address, experiment, ids)
        # The older of the two: the run that is compared against.
        _sheet(page, Path(mlflow.artifacts.download_artifacts(run_id=ids[-1])))
        _lineage(page, Workspace(ROOT))
        browser.close()


def _compare(page: Page, address: str, experiment: str, ids: list[str]) -> None:
    listed, within = quote(json.dumps(ids)), quote(json.dumps([experiment]))
    page.goto(f"{address}/#/compare-runs?runs={listed}&experiments={within}")
    page.get_by_text("Comparing 2 Runs").first.wait_for(timeout=60_000)
    page.wait_for_timeout(3_000)
    _save(page, "mlflow.png")


def _lineage(page: Page, workspace: "Workspace") -> None:
    from provenance import Log
    from provenance.page import lineage_page
    from tasks.params import load_params

    name = load_params(workspace.params_file).release.name
    page.set_viewport_size({"width": 1440, "height": 1130})
    page.set_content(lineage_page(Log.open(workspace.provenance, create=False), name))
    _save(page, "lineage.png")


def _sheet(page: Page, artifacts: Path) -> None:
    page.goto((artifacts / "mistakes.html").as_uri())
    page.wait_for_timeout(500)
    _save(page, "mistakes.png")


def _save(page: Page, name: str, **options: Any) -> None:
    page.screenshot(path=PICTURES / name, **options)
    print(PICTURES / name)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5000")
