"""What the benchmarks know of each domain: its sets, its model, the disease that is asked for."""

from dataclasses import dataclass
from pathlib import Path

from sequela.cohorts import Example, load_cohorts


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One domain's editing task.

    Attributes:
        name: `chest`, `fundus` or `skin`.
        sets: Cohorts.
        model: The bundled model.
        target: The finding that images are edited towards.
        views: Only these views; empty takes all.
        images: How many baselines at most.
    """

    name: str
    sets: tuple[str, ...]
    model: str
    target: str
    views: tuple[str, ...] = ()
    images: int = 36

    def examples(self, data: Path) -> list[Example]:
        """All examples of the task's views."""
        examples = load_cohorts(self.sets, data)
        return [e for e in examples if not self.views or e.view in self.views]

    def baselines(self, data: Path, limit: int | None = None) -> list[Example]:
        """`test` images without any finding, one a patient."""
        test = [e for e in self.examples(data) if e.split == "test" and e.findings == ()]
        if self.name != "chest":  # eyes of one patient, and there are enough patients
            test = list({e.patient: e for e in test}.values())
        return test[: limit or self.images]


DOMAINS = {
    "chest": Domain(name="chest", sets=("cxr-nih",), model="chest-mini", target="Pneumonia"),
    "fundus": Domain(
        name="fundus",
        sets=("fundus",),
        model="fundus-mini",
        target="exudates",
        views=("EyePACS",),
        images=30,
    ),
    "skin": Domain(
        name="skin",
        sets=("skin-ham", "skin-isic"),
        model="skin-mini",
        target="melanoma",
        images=30,
    ),
}
