"""`python -m provenance.anchors work FOLDER`: what runs beside a pipeline; see worker.py."""

import argparse
import logging
import os
import sys
from pathlib import Path

from provenance.anchors.config import AnchorConfig
from provenance.anchors.start import CONFIG
from provenance.anchors.worker import work
from provenance.errors import ProvenanceError
from provenance.keys import KeyStore, default_keys
from provenance.layout import Layout


def main() -> int:
    """Run the worker on the configuration in CAIRN_ANCHOR_CONFIG; without one, embedded chains."""
    parser = argparse.ArgumentParser(prog="python -m provenance.anchors")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("work", help="anchor the head of a log")
    command.add_argument("folder", type=Path, help="of the log, such as .provenance")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    text = os.environ.get(CONFIG)
    try:
        config = AnchorConfig.from_json(text) if text else AnchorConfig()
        work(Layout(options.folder.absolute()), KeyStore(default_keys()), config)
    except ProvenanceError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
