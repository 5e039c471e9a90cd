"""The real data set with the encoders' features, and splits of it by group."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from blake3 import blake3
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit
from torch import Tensor

from models.batches import Data, Examples
from models.encoders.text_chars import Vocabulary
from models.features import Features
from models.spec import Spec
from tasks.params import TrainParams, load_params
from tasks.train.examples import assemble, describe
from tasks.train.features import class_names, encode
from tasks.workspace import Workspace

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Bench:
    """What every benchmark starts from.

    Args:
        manifest, features: aligned, all rows.
        params: the project's own settings, `train` of params.yaml.
        class_names: as the model takes them.
    """

    manifest: pd.DataFrame
    features: Features
    params: TrainParams
    class_names: Tensor | None

    @property
    def untouched(self) -> NDArray[np.bool_]:
        """Rows whose group had no part in choosing the settings of params.yaml.

        Folds cover all groups, so figures over them may flatter what was tuned on some of them.
        Settings were chosen by splits inside seven tenths of the groups, picked by a digest of
        their names; figures over the rest are free of that.
        """
        return np.array([blake3(f"tune:{name}".encode()).digest()[0] >= 180 for name in self.group])

    @property
    def group(self) -> NDArray[np.str_]:
        return self.manifest["group"].to_numpy(dtype=str)


@dataclass(frozen=True)
class Fold:
    """One split: what to learn from, what to choose by, what to report on."""

    spec: Spec
    examples: Examples
    train: Tensor
    validation: Tensor
    test: Tensor

    @property
    def data(self) -> Data:
        return Data(self.examples, self.train, self.validation)


def load() -> Bench:
    """The manifest and cached features of this workspace.

    Raises:
        InputError: there is no params.yaml or no manifest.
    """
    here = Workspace.here()
    params = load_params(here.params_file).train
    manifest = pd.read_parquet(here.manifest)
    features = encode(manifest, here, params.encoders)
    return Bench(manifest, features, params, class_names(here, params.encoders))


def fold(bench: Bench, test: Rows, *, seed: int) -> Fold:
    """A split with the given test rows; validation groups are carved from the rest.

    Rows whose group has a row in the test are left out of training, whatever their label. The
    vocabulary is made of the training rows alone.

    Args:
        bench: data and settings.
        test: rows to report on.
        seed: of the choice of validation groups, a tenth of what is left.
    """
    group = bench.group
    rest = np.flatnonzero(~np.isin(group, group[test]))
    carve = GroupShuffleSplit(n_splits=1, test_size=0.1, random_state=seed)
    train, validation = next(carve.split(rest, groups=group[rest]))
    train, validation = rest[train], rest[validation]
    features = _with_vocabulary_of(bench, train)
    spec = describe(bench.manifest, features, bench.params)
    examples = assemble(bench.manifest, features, spec)
    return Fold(spec, examples, *(torch.from_numpy(rows) for rows in (train, validation, test)))


def _with_vocabulary_of(bench: Bench, train: Rows) -> Features:
    texts = [text if isinstance(text, str) and text else None for text in bench.manifest["text"]]
    vocabulary = Vocabulary.of(texts[row] or "" for row in train)
    length = bench.features.text_ids.shape[1]
    return dataclasses.replace(
        bench.features,
        text_ids=vocabulary.encode(texts, length=length),
        characters=vocabulary.characters,
    )
