"""Put trained lung stages into the package, with what their cards should tell.

    python benchmarks/lungs_bundle.py --model work/lungs-mini --figures work/lungs-science/run

`--figures` is a folder in which `benchmarks/lungs.py tables` left `figures.json`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from sequela.cohorts.synthetic.lungs import MINI_LUNG_GRID
from sequela.simulators.lungs import load_codec, load_forecaster, save_codec, save_forecaster

BUNDLE = Path(__file__).parents[1] / "src" / "sequela" / "assets" / "models" / "lungs-mini"
LIMIT_MB = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument(
        "--remark", default="", help="what else the card should say of the training"
    )
    options = parser.parse_args()
    codec, codec_card = load_codec(options.model / "codec" / "model.safetensors")
    stages = [options.model / name / "model.safetensors" for name in ("painted", "forecast")]
    forecaster, card = load_forecaster(next(path for path in stages if path.is_file()))
    told = json.loads((options.figures / "figures.json").read_text(encoding="utf-8"))
    about = {
        "inputs": inputs_of(codec.config.low_hu, codec.config.high_hu, card),
        "source": "Zhao et al., 4D-VQ-GAN, arXiv:2502.05713, as the docs tell it departs",
        "intended_use": "Research on simulated disease courses. Not for diagnosis or treatment.",
        "limits": "Trained on drawn chests alone; never seen a real scan.",
        **({"training": options.remark} if options.remark else {}),
    }
    save_codec(codec, BUNDLE / "codec.safetensors", {**codec_card, **about})
    save_forecaster(forecaster, BUNDLE / "forecaster.safetensors", {**card, **about, **told})
    both = {"name": "lungs-mini", **about, "codec": codec_card, "forecaster": card, **told}
    (BUNDLE / "card.json").write_text(json.dumps(both, indent=1) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in BUNDLE.iterdir()) / 1e6
    if size > LIMIT_MB:
        raise SystemExit(f"The bundle must stay under {LIMIT_MB} MB, got {size:.2f}.")
    print(f"{BUNDLE}: {size:.2f} MB")


def inputs_of(low_hu: float, high_hu: float, card: dict[str, Any]) -> dict[str, Any]:
    return {
        "modality": "CT",
        "shape": list(MINI_LUNG_GRID.shape),
        "spacing_mm": list(MINI_LUNG_GRID.spacing_mm),
        "orientation": "superior, posterior, left",
        "window_hu": [low_hu, high_hu],
        "years": [0.0, card["data"]["longest_follow_up_years"]],
    }


if __name__ == "__main__":
    main()
