"""The JSON card of a deployable: budget, measured row, recipe, digests."""

from collections.abc import Mapping, Sequence
from typing import Any

from blake3 import blake3

from tasks.compress.engine import Tried
from tasks.compress.rows import Noted
from tasks.params.compress import BudgetParams

CARD = "card.json"


def card(
    *,
    name: str,
    budget: BudgetParams | None,
    level: str,
    recipe: Sequence[Tried | Noted],
    measured: Mapping[str, Any],
    teacher: str,
    notes: Sequence[str],
    files: Mapping[str, bytes],
) -> dict[str, Any]:
    """What a deployable is, as JSON types.

    Args:
        name: of the member.
        budget: what it may cost; None where it was asked for by hand.
        level: of the recipe.
        recipe: steps that were kept, in order.
        measured: rows by backend, with the class of machine that they were measured on.
        teacher: BLAKE3 of the weights that it was made from.
        notes: what a person should know.
        files: all others of the folder, by relative path.
    """
    return {
        "name": name,
        "budget": budget.model_dump(mode="json") if budget is not None else None,
        "level": level,
        "recipe": [{"technique": step.technique, **step.settings} for step in recipe],
        "measured": dict(measured),
        "teacher": teacher,
        "notes": list(notes),
        "digests": {path: blake3(data).hexdigest() for path, data in sorted(files.items())},
    }
