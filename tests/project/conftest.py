"""The whole project in a folder of its own, on data that need no network, run once for all."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
LONGEST_SECONDS = 1500.0
COMMAND = "import sys; sys.argv[0] = 'cairn'; from cairn.cli import main; main()"

VIEWS = ["image", "caption", "text", "audio"]
EXPORT = {"technique": "onnx", "views": VIEWS}
INT8 = {"technique": "ort_dynamic_int8", "views": VIEWS, "embedding_bits": 8}
SMALL = {
    "ingest.source": "digits",
    "ingest.labels": [
        *("zero", "one", "two", "three", "four"),
        *("five", "six", "seven", "eight", "nine"),
    ],
    "ingest.extra_labels": [],
    "ingest.digits.clips_per_class": 26,
    "ingest.languages": ["en", "fr"],
    "train.epochs": 2,
    "train.resamples": 100,
    "search.space": {
        "image_pixels": [96, 224],
        "caption_layers": [1, 6],
        "caption_tokens": [4000, 30522],
        "text_layers": [1, 2],
        "audio_layers": [2, 4],
        "hidden": [64, 512],
    },
    "search.repeats": 3,
    "search.supernet.steps": 4,
    "search.trials": 6,
    "compress.calibration": 4,
    "compress.repeats": 5,
    "compress.levels": {
        "light": {"max_drop": 1.0, "steps": [EXPORT, INT8]},
        "medium": {"max_drop": 1.0, "steps": [{"technique": "architecture", "max_loss": 1.0}]},
        "aggressive": {"max_drop": 1.0, "steps": [{"technique": "fp16", "views": VIEWS}]},
        "extreme": {"max_drop": 1.0, "steps": [{"technique": "bf16", "views": VIEWS}]},
    },
    "compress.family.server.max_drop": 1.0,
    "compress.family.laptop.megabytes": 1.0,
    "federate.rounds": 2,
    "federate.audit": False,
    "quantum.components": 8,
    "quantum.head.qubits": 3,
    "quantum.training.seeds": 2,
    "quantum.training.epochs": 2,
    "quantum.trainability.samples": 10,
    "quantum.robustness.rows": 10,
    "quantum.robustness.repeats": 2,
    "quantum.robustness.noise_rows": 10,
    "release.gate.at_least": {"fused.accuracy": 0.15},
    "release.gate.at_most": {},
}
"""A run of minutes becomes one of seconds."""


@dataclass(frozen=True)
class Project:
    """A copy of this checkout that runs by itself."""

    root: Path
    environment: dict[str, str]

    def start(self, *command: str, errors: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start a command line; `cairn ...` and `dvc ...` are those of this environment."""
        programs = {
            "cairn": [sys.executable, "-c", COMMAND],
            "dvc": [sys.executable, "-m", "dvc"],
        }
        return subprocess.Popen(
            [*programs[command[0]], *command[1:]],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*command)
        out, err = process.communicate(timeout=LONGEST_SECONDS)
        return subprocess.CompletedProcess(list(command), process.returncode, out, err)

    def change(self, key: str, value: object, file: str = "params.yaml") -> None:
        """Set `section.key` in params.yaml, or in another file of settings."""
        path = self.root / file
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        *sections, name = key.split(".")
        place = values
        for section in sections:
            place = place[section]
        assert name in place, f"{file} has no {key}"
        place[name] = value
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after its first `cairn run`."""
    base = tmp_path_factory.mktemp("project")
    root = base / "checkout"
    listed = ["git", "-C", str(PROJECT), "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (PROJECT / name).is_file() and name != "dvc.lock":
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, root / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-C", str(root)]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "A checkout"]):
        subprocess.run([*git, *arguments], check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    made = Project(
        root,
        {
            **kept,
            "CAIRN_KEYS": str(base / "keys"),
            "PREFECT_HOME": str(base / "prefect"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
    )
    for key, value in SMALL.items():
        made.change(key, value)
    made.change("minimum_metrics", {"test.fused.accuracy": 0.15}, "policy.yaml")
    first = made.run("cairn", "run")
    assert first.returncode == 0, first.stdout + first.stderr
    (base / "first.txt").write_text(first.stdout, encoding="utf-8")
    return made
