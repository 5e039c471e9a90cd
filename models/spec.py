"""What a model is made of: enough to build it again, and nothing that depends on this machine.

The spec travels beside the weights as JSON; `Spec.of(json)` and `build(spec)` give back the module.
"""

from dataclasses import asdict, dataclass
from typing import Any

from models.batches import VIEWS

Setting = int | float | str | bool | list[int]


@dataclass(frozen=True)
class TowerSpec:
    """How one view becomes a vector.

    Args:
        name: a name in models.towers.TOWERS.
        settings: its keyword arguments.
    """

    name: str
    settings: dict[str, Setting]


@dataclass(frozen=True)
class Spec:
    """Architecture, vocabulary and classes of one model.

    Args:
        classes: label names, in the order of the model's outputs.
        languages: language codes, in the order of the language index.
        characters: the text view's vocabulary; character i has id i + 2 (0 padding, 1 unknown).
        towers: one per view of VIEWS.
        width: size of the vectors that are compared in retrieval.
        hidden: size of the hidden layer in front of them.
        dropout: share of a tower's outputs that training hides.
        trust: gate of each view before any is learned; 1 counts an expert fully.
    """

    classes: list[str]
    languages: list[str]
    characters: str
    towers: dict[str, TowerSpec]
    width: int
    hidden: int
    dropout: float
    trust: dict[str, float]

    def __post_init__(self) -> None:
        for name, given in (("towers", self.towers), ("trust", self.trust)):
            if set(given) != set(VIEWS):
                raise ValueError(f"{name} {sorted(given)}: exactly {sorted(VIEWS)} are needed")
        if sorted(set(self.classes)) != sorted(self.classes):
            raise ValueError(f"classes {self.classes}: each name may come once")

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Spec":
        """From JSON types, as written by `plain`.

        Raises:
            TypeError: a key is missing or unknown.
            ValueError: values contradict each other.
        """
        towers = {view: TowerSpec(**tower) for view, tower in plain["towers"].items()}
        return cls(**{**plain, "towers": towers})
