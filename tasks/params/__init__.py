"""params.yaml, read and checked: every setting of every stage."""

from tasks.params.anchor import AnchorParams
from tasks.params.base import Section
from tasks.params.compress import CompressParams
from tasks.params.federate import FederateParams
from tasks.params.ingest import IngestParams
from tasks.params.load import load_params, parse_params
from tasks.params.quantum import QuantumParams
from tasks.params.release import ReleaseParams
from tasks.params.search import SearchParams
from tasks.params.train import TrainParams
from tasks.params.types import Params
from tasks.params.validate import ValidateParams

__all__ = [
    "AnchorParams",
    "CompressParams",
    "FederateParams",
    "IngestParams",
    "Params",
    "QuantumParams",
    "ReleaseParams",
    "SearchParams",
    "Section",
    "TrainParams",
    "ValidateParams",
    "load_params",
    "parse_params",
]
