"""The whole of params.yaml: one section a stage, same names as in dvc.yaml, and two for all."""

from pydantic import Field

from tasks.params.anchor import AnchorParams
from tasks.params.base import Section
from tasks.params.compress import CompressParams
from tasks.params.federate import FederateParams
from tasks.params.ingest import IngestParams
from tasks.params.pipeline import PipelineParams
from tasks.params.quantum import QuantumParams
from tasks.params.release import ReleaseParams
from tasks.params.search import SearchParams
from tasks.params.train import TrainParams
from tasks.params.validate import ValidateParams


class Params(Section):
    """Everything in params.yaml.

    The validation stage is `validate` in the file; pydantic's BaseModel owns that name in Python.
    """

    pipeline: PipelineParams
    anchor: AnchorParams
    ingest: IngestParams
    validation: ValidateParams = Field(alias="validate")
    train: TrainParams
    search: SearchParams
    compress: CompressParams
    federate: FederateParams
    quantum: QuantumParams
    release: ReleaseParams
