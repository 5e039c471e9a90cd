"""The model as MLflow loads it: `mlflow.pyfunc.load_model("models:/NAME@champion").predict(frame)`.

MLflow runs this file when it logs and when it loads the model, and takes what `set_model` names; so
this is the one file that does something when it is imported. Nobody here imports it.

What MLflow unpacks is checked against the digests that were written into the model when it was
logged: changed bytes do not load. Away from the workspace there is no log to ask. That the digests
themselves are the released ones, the statements beside MLmodel say (model.sig, which
`model_signing verify key` checks, and receipt.txt); in the workspace `cairn verify` does.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.batches import VIEWS
from provenance.releases import WEIGHTS
from services.describe import Question
from services.loading import load
from services.predict import Predictor


class CairnModel(PythonModel):
    """Rows with any of the columns caption, text, image, audio to a category each."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read weights and config.

        Raises:
            TamperedError: a file is not the one that was logged.
        """
        folder = Path(context.artifacts[WEIGHTS]).parent
        self.predictor = Predictor(load(folder, context.model_config["blake3"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002  # MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002  # MLflow's signature
    ) -> pd.DataFrame:
        """One row a question; a missing column or value is a modality that is absent.

        Returns:
            columns label and confidence, in the order of the rows.

        Raises:
            UnreadableError: a row has nothing in it, or something that cannot be decoded.
        """
        answers = []
        for row in model_input.to_dict(orient="records"):
            given = {view: row[view] for view in VIEWS if view in row and _is_there(row[view])}
            answers.append(self.predictor.answer(Question(**given)))
        return pd.DataFrame(
            {
                "label": [answer.label for answer in answers],
                "confidence": [answer.confidence for answer in answers],
            }
        )


def _is_there(value: object) -> bool:
    """Whether a cell holds something: pandas writes NaN or None where not."""
    return isinstance(value, str | bytes)


set_model(CairnModel())
