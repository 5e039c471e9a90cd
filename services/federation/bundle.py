"""The Flower App Bundle: services/federation/fab with the settings that Flower asks for.

    python -m services.federation.bundle FOLDER     # the same as a folder that `flwr run` takes

Flower wants itself named as a dependency; hosts are started so that nothing is ever fetched.
"""

import argparse
from importlib.metadata import version
from pathlib import Path

from flwr.cli.build import build_fab_from_files

from services.federation.settings import CLIENTS, INITIAL, LOOK, PLAN, RESULTS

NAME = "cairn_rounds"
APPS = Path(__file__).with_name("fab")


def files() -> dict[str, bytes]:
    """Path in the bundle to content."""
    apps = {f"{NAME}/{path.name}": path.read_bytes() for path in sorted(APPS.glob("*.py"))}
    return {
        "pyproject.toml": _project().encode(),
        "LICENSE": b"SPDX-License-Identifier: Apache-2.0\n",
        **apps,
    }


def bundle() -> bytes:
    """The bundle; same files, same bytes."""
    found: bytes = build_fab_from_files(files())[0]
    return found


def _project() -> str:
    """Only settings that are named here can be given with a run."""
    return f"""[project]
name = "{NAME.replace("_", "-")}"
version = "1.0.0"
description = "Federated rounds of Cairn"
license = {{ file = "LICENSE" }}
dependencies = ["flwr>={version("flwr")}"]

[tool.flwr.app]
publisher = "cairn"
fab-format-version = 1
flwr-version-target = "{version("flwr")}"

[tool.flwr.app.components]
serverapp = "{NAME}.server_app:app"
clientapp = "{NAME}.client_app:app"

[tool.flwr.app.config]
{PLAN} = ""
{INITIAL} = ""
{RESULTS} = ""
{CLIENTS} = 0
{LOOK} = 0.2
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the app that `flwr run` takes.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, content in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(folder)


if __name__ == "__main__":
    main()
