"""Two findings at once: composed, each with its own text and place, against one prompt for both.

    python benchmarks/composition.py --out FOLDER [--strength 0.8]

Known truth: drawn phantoms that show a bright disc on the left ("Mass"), a bright band at the lower
right ("Effusion"), or nothing, never both. A small model is trained on them by the package's own
objectives (about 6 minutes on a quiet core; kept in the folder). Phantoms with nothing are then
edited towards both findings, composed with regions, composed without, and by one prompt that names
both. `strength` was chosen on the first 16 phantoms (at .5 nothing as large is drawn); the figures
are of the 24 others. A finding's score is the best answer of its own template on its side, against
the phantom's background; it counts as shown above the middle between drawn phantoms without and
with it.
"""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from films import interval, write_figures
from PIL import Image
from scipy.ndimage import correlate, gaussian_filter

import sequela
from sequela.conditioning import CHEST
from sequela.core import Condition, Finding, Region
from sequela.render import contact_sheet
from sequela.training import read_recipe, run_recipe

SIDE = 64
FINDINGS = ("Mass", "Effusion")
CHOSEN_ON = 16
COUNTS = {"train": 600, "val": 40, "test": 40}

CODEC = """
name = "phantom-codec"
objective = "autoencoder"
seed = 0
[data]
sets = ["plain-csv"]
image_size = 64
[network]
widths = [16, 32, 48]
latent_channels = 4
crop = 64
[optimiser]
steps = 500
batch_size = 16
learning_rate = 2e-3
warmup_steps = 50
"""
MODEL = """
name = "phantom-model"
objective = "latent-diffusion"
seed = 0
[card]
summary = "Drawn phantoms."
licence = "As the code."
source = "benchmarks/composition.py"
limits = "Drawn phantoms."
[data]
sets = ["plain-csv"]
image_size = 64
[network]
autoencoder = "codec"
widths = [32, 48, 64]
layers_per_level = 1
heads = 4
text_width = 64
text_layers = 2
text_length = 64
caption_dropout = 0.1
[optimiser]
steps = 2000
batch_size = 32
learning_rate = 1e-3
warmup_steps = 100
ema_decay = 0.995
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--strength", type=float, default=0.8)
    options = parser.parse_args()
    model = trained(options.out)
    editor = sequela.load(model=str(model), strength=options.strength)
    limits = limits_of(options.out)
    ways = {
        "composed, in their places": composed(FINDINGS, sides()),
        "composed, everywhere": composed(FINDINGS, {}),
        "one prompt for both": one_prompt(FINDINGS),
    }
    shown, figures = [], {}
    paths = sorted((options.out / "data").glob("test-none-*.png"))[CHOSEN_ON:]
    for name, asked in ways.items():
        scores = []
        for number, path in enumerate(paths):
            scan = sequela.read(path)
            states = editor.simulate(scan, condition=asked, seed=number).states
            first, last = (np.asarray(states[i].image, float) for i in (0, -1))
            scores.append([[answer(x, f) for f in FINDINGS] for x in (first, last)])
            if number < 6:
                shown += [states[0].image, states[-1].image]
        figures[name] = told(np.array(scores), limits)
    labels = [text for name in ways for _ in range(6) for text in ("", name)]
    contact_sheet(shown, labels, options.out / "sheet.png", columns=12)
    write_figures({"cases": len(paths), "limits": limits, **figures}, options.out / "figures.json")


def trained(out: Path) -> Path:
    """Draw the phantoms and train the model, where that is not done yet."""
    if not (out / "data" / "images.csv").is_file():
        draw_all(out / "data")
    for name, text in (("codec", CODEC), ("model", MODEL)):
        recipe = out / f"{name}.toml"
        recipe.write_text(text)
        model = run_recipe(read_recipe(recipe), data=out / "data", out=out / name)
    return model


def draw_all(folder: Path) -> None:
    """All splits, a third of them with each finding and a third without."""
    folder.mkdir(parents=True)
    rows = []
    for number, split in enumerate(COUNTS):
        for kind_number, kind in enumerate((None, *FINDINGS)):
            for i in range(COUNTS[split]):
                draw = np.random.default_rng([number, kind_number, i])
                name = f"{split}-{(kind or 'none').lower()}-{i:03}.png"
                Image.fromarray(phantom(draw, kind)).save(folder / name)
                rows.append({"file": name, "findings": kind or "", "patient": name, "split": split})
    with (folder / "images.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def phantom(draw: np.random.Generator, finding: str | None) -> np.ndarray:
    """A smooth background with at most one finding, 8 bit."""
    image = 0.35 + 0.08 * normal(gaussian_filter(draw.normal(size=(SIDE, SIDE)), 6))
    image += 0.02 * normal(gaussian_filter(draw.normal(size=(SIDE, SIDE)), 1.5))
    across, down = draw.uniform(12, 20), draw.uniform(12, 52)
    if finding == "Mass":
        image += 0.4 * disc(across, down)
    if finding == "Effusion":
        image += 0.4 * band(draw.uniform(44, 54))
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


def normal(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / values.std())


def disc(across: float, down: float, radius: float = 6) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.asarray(1 / (1 + np.exp(np.hypot(x - across, y - down) - radius)))


def band(top: float, thick: float = 6) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = (1 / (1 + np.exp(-(y - top)))) * (1 / (1 + np.exp(y - top - thick)))
    return np.asarray(inside / (1 + np.exp(-(x - 36.0))))


def answer(image: np.ndarray, finding: str) -> float:
    """The best answer of a finding's template on its side, in shares of the drawn contrast."""
    if finding == "Mass":
        template = disc(12, 12)[:25, :25]
        side = image[:, : SIDE // 2]
    else:
        template = band(10)[:25, SIDE // 2 :]
        side = image[SIDE // 2 :, SIDE // 2 :]
    template = template - template.mean()
    response = correlate(side / 255, template, mode="nearest")
    return float(response.max() / (0.4 * (template**2).sum()))


def limits_of(out: Path) -> dict[str, float]:
    """For each finding the middle between drawn phantoms without and with it."""
    found = {}
    for finding in FINDINGS:
        means = [
            np.mean(
                [
                    answer(np.asarray(Image.open(p), float), finding)
                    for p in sorted((out / "data").glob(f"val-{kind}-*.png"))
                ]
            )
            for kind in ("none", finding.lower())
        ]
        found[finding] = round(float(np.mean(means)), 3)
    return found


def sides() -> dict[str, Region]:
    """The side of each finding."""
    left = np.zeros((SIDE, SIDE), np.float32)
    left[:, : SIDE // 2] = 1
    places = {"Mass": left, "Effusion": 1 - left}
    return {name: Region(array=place, origin="drawn") for name, place in places.items()}


def composed(findings: Sequence[str], places: Mapping[str, Region]) -> Condition:
    """Each finding with its own text, and its own place where it has one."""
    return Condition(
        findings=tuple(
            Finding(name=name, text=CHEST.prompt([name]), region=places.get(name))
            for name in findings
        )
    )


def one_prompt(findings: Sequence[str], region: Region | None = None) -> Condition:
    """All findings in one text, as an image with all of them would be captioned."""
    return Condition(findings=(Finding(name="both", text=CHEST.caption(findings), region=region),))


def told(scores: np.ndarray, limits: dict[str, float]) -> dict[str, str]:
    """Shares of the cases in which scores rose, and in which findings are shown."""
    rose = scores[:, 1] > scores[:, 0]
    shows = scores[:, 1] > np.array([limits[f] for f in FINDINGS])
    rows = {"both scores rise": rose.all(axis=1), "both are shown": shows.all(axis=1)}
    rows |= {f"{name} is shown": shows[:, i] for i, name in enumerate(FINDINGS)}
    cases = [str(i) for i in range(len(scores))]
    return {
        name: "{:.2f} [{:.2f}, {:.2f}]".format(*interval(values * 1.0, cases))
        for name, values in rows.items()
    }


if __name__ == "__main__":
    main()
