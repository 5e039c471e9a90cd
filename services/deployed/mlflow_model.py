"""A compressed model as MLflow loads it: `models:/NAME@champion-int8`, answering without torch.

MLflow runs this file when it logs and when it loads the model, and takes what `set_model` names; so
it does something when it is imported. Nobody here imports it. What MLflow unpacks is checked
against the digests that were written into the model when it was logged; those of folders are in the
card, which is one of the files.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from services.deployed.loading import CARD
from services.deployed.runtime import load
from services.question import VIEWS, Question
from services.verified import verify_file


class DeployedModel(PythonModel):
    """Rows with any of the columns caption, text, image, audio to a category each."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the graphs.

        Raises:
            TamperedError: a file is not the one that was logged.
        """
        card = Path(context.artifacts[CARD])
        verify_file(card, context.model_config["blake3"][CARD])
        self.model = load(card.parent, backend="onnx", threads=1)

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002  # MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002  # MLflow's signature
    ) -> pd.DataFrame:
        """One row a question; a missing column or value is a modality that is absent.

        Returns:
            columns label and confidence, in the order of the rows.
        """
        answers = []
        for row in model_input.to_dict(orient="records"):
            given = {v: row[v] for v in VIEWS if v in row and isinstance(row[v], str | bytes)}
            answers.append(self.model.answer(Question(**given)))
        return pd.DataFrame(
            {
                "label": [answer.label for answer in answers],
                "confidence": [answer.confidence for answer in answers],
            }
        )


set_model(DeployedModel())
