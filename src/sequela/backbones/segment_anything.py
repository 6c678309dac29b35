"""Segment Anything: SAM, MedSAM and SAM 2 weights, loaded strictly, behind one small class.

Sources: Kirillov et al., "Segment Anything", arXiv:2304.02643; Ma et al., "Segment Anything in
Medical Images" (MedSAM), arXiv:2304.12306; Ravi et al., "SAM 2", arXiv:2408.00714.
"""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from sequela.backbones.card import hash_files
from sequela.backbones.devices import pick_device
from sequela.backbones.folder import PICKLED, any_file, locate, read_json
from sequela.backbones.segment_frame import SegmentFrame
from sequela.backbones.weights import load_component, quiet, weight_files
from sequela.core.errors import CheckpointError

Features = tuple[Tensor, ...]  # SAM 2's fine maps first, the image embedding last
Reader = Callable[[UInt8[np.ndarray, "height width 3"]], tuple[Tensor, SegmentFrame]]

_FILES = ("config.json", "preprocessor_config.json", "processor_config.json", "card.json")
_PATTERNS = [*_FILES, "README.md", "*.safetensors", "*.safetensors.index.json"]
# Published SAM 2 weights say `sam2_video`: the image network with a memory, which is left out.
_TYPES = {"sam": "sam", "sam2": "sam2", "sam2_video": "sam2"}
_CONVERT = (
    "Pickled weights are never loaded, for they can run code. Convert them once where you trust "
    "them: SamModel.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER) in transformers."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentAnything:
    """A frozen network that draws the masks of what boxes and points show it.

    Attributes:
        name: Hub id, or name of the folder.
        family: `sam` or `sam2`.
        network: transformers' SamModel or Sam2Model.
        reader: From a picture to what the network reads, and how it was placed.
        box_only: It learned one mask for a box, as MedSAM; else several for any prompt.
        card: Name, kind and hash of the weights; licence and source where the model tells them.
        settings: How pictures are prepared, as the model's folder has it.
    """

    name: str
    family: str
    network: Any
    reader: Reader
    box_only: bool
    card: dict[str, Any]
    settings: dict[str, Any]

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return torch.device(self.network.device)

    @property
    def coarse(self) -> int:
        """Side of the square that masks are drawn on, in its pixels."""
        prompts = self.network.config.prompt_encoder_config
        return 4 * int(prompts.image_size) // int(prompts.patch_size)

    @torch.no_grad()
    def encode(self, picture: UInt8[np.ndarray, "height width 3"]) -> tuple[Features, SegmentFrame]:
        """What the network sees in an sRGB picture, and where the picture lies in its square."""
        pixels, frame = self.reader(picture)
        features = self.network.get_image_embeddings(pixels.to(self.device))
        return (features,) if isinstance(features, Tensor) else tuple(features), frame

    @torch.no_grad()
    def prompt(
        self,
        boxes: Float[Tensor, "image 4"] | None,
        points: Float[Tensor, "image point 2"] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One object an image, shown by a box, points on it, or both; in the network's pixels."""
        given: dict[str, Any] = dict.fromkeys(("input_points", "input_labels", "input_boxes"))
        if points is not None:
            given["input_points"] = points[:, None].to(self.device)
            given["input_labels"] = torch.ones(points[:, None].shape[:-1], device=self.device).int()
        if boxes is not None:
            given["input_boxes"] = boxes[:, None].to(self.device)
        sparse, dense = self.network.get_prompt_embeddings(**given)
        return sparse, dense

    def positions(self) -> Float[Tensor, "1 channel high wide"]:
        """The network's code of each place in the square."""
        with torch.no_grad():
            return torch.as_tensor(self.network.get_image_wide_positional_embeddings())

    def trainable_decoder(self) -> nn.Module:
        """A copy of the mask decoder that learns to draw one mask; what scores masks is frozen."""
        network: Any = copy.deepcopy(self.network.mask_decoder)
        # SAM 2 would swap a doubtful mask for one of the others, which are not trained.
        network.dynamic_multimask_via_stability = False
        decoder: nn.Module = network.requires_grad_(requires_grad=True)
        for name in ("iou_prediction_head", "pred_obj_score_head", "conv_s0", "conv_s1"):
            if hasattr(decoder, name):  # conv_s0 and conv_s1 run within the image encoder
                getattr(decoder, name).requires_grad_(requires_grad=False)
        return decoder

    def save(self, decoder: nn.Module, folder: Path, *, card: Mapping[str, Any]) -> None:
        """Write the network with another mask decoder as a folder that loads again.

        Args:
            decoder: Draws one mask for a box.
            folder: Where; it is created.
            card: What `card.json` says.
        """
        network = copy.deepcopy(self.network).cpu()
        network.mask_decoder.load_state_dict(decoder.state_dict())
        if self.family == "sam2":
            network.config.mask_decoder_config.dynamic_multimask_via_stability = False
        network.config.name_or_path = ""  # it names somebody's machine
        folder.mkdir(parents=True, exist_ok=True)
        with quiet():
            network.save_pretrained(folder)
        _write_json(folder / "preprocessor_config.json", self.settings)
        _write_json(folder / "card.json", {**card, "prompts": "box"})


def draw(
    decoder: nn.Module,
    features: Features,
    positions: Tensor,
    prompt: tuple[Tensor, Tensor],
    *,
    several: bool = False,
) -> tuple[Float[Tensor, "image mask coarse coarse"], Float[Tensor, "image mask"]]:
    """Logits of the masks that a mask decoder draws, and how well it thinks each fits."""
    *fine, embedding = features
    sharp = {"high_resolution_features": fine} if fine else {}
    masks, scores, *_ = decoder(
        image_embeddings=embedding,
        image_positional_embeddings=positions.expand(len(embedding), -1, -1, -1),
        sparse_prompt_embeddings=prompt[0],
        dense_prompt_embeddings=prompt[1],
        multimask_output=several,
        **sharp,
    )
    return masks[:, 0], scores[:, 0]


def load_segment_anything(model: str | Path, *, device: str = "auto") -> SegmentAnything:
    """A SAM, MedSAM or SAM 2 model, frozen, in float32.

    Args:
        model: Folder in transformers' layout, or a hub id such as facebook/sam-vit-base.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

    Raises:
        UnknownNameError: no such folder or hub id.
        CheckpointError: another kind of model, pickled weights, or tensors that do not fit.
    """
    from transformers import Sam2Model, SamModel

    folder, name = locate(model, _PATTERNS, "in transformers' layout, got a file. " + _CONVERT)
    family = _family(folder, name)
    settings = _reading(folder)
    network_class: Any = Sam2Model if family == "sam2" else SamModel
    network = load_component(network_class, folder, torch.float32).to(pick_device(device))
    card = _card(folder, name, family)
    prompts = card.pop("prompts", "box" if "medsam" in name.lower() else "any")
    return SegmentAnything(
        name=name,
        family=family,
        network=network,
        reader=_reader(family, settings, int(network.config.prompt_encoder_config.image_size)),
        box_only=prompts == "box",
        card=card,
        settings=settings,
    )


def _family(folder: Path, name: str) -> str:
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"`model` {name!r} is not a Segment Anything folder: it holds no config.json. "
            + (_CONVERT if any_file(folder, PICKLED) else "Give a folder in transformers' layout.")
        )
    kind = str(read_json(folder / "config.json").get("model_type", "nothing"))
    if kind not in _TYPES:
        raise CheckpointError(
            f"`model` must be a Segment Anything model (model_type sam or sam2), but {name!r} is a "
            f"{kind}. Take SAM, MedSAM or SAM 2 weights."
        )
    if not any(folder.glob("*.safetensors")) and any_file(folder, PICKLED):
        raise CheckpointError(f"`model` {name!r} has only pickled weights. {_CONVERT}")
    return _TYPES[kind]


def _reading(folder: Path) -> dict[str, Any]:
    """How the model wants its pictures; newer folders keep it one level deeper."""
    if (folder / "preprocessor_config.json").is_file():
        return read_json(folder / "preprocessor_config.json")
    if (folder / "processor_config.json").is_file():
        inner = read_json(folder / "processor_config.json").get("image_processor")
        if isinstance(inner, dict):
            return inner
    raise CheckpointError(
        f"`model` has no preprocessor_config.json in {folder.name}, which says how pictures are "
        "prepared. Fetch the model again, or save its processor beside it."
    )


def _reader(family: str, settings: dict[str, Any], side: int) -> Reader:
    try:
        return _stretched(settings, side) if family == "sam2" else _padded(settings, side)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"`model` has a preprocessor that does not fit its kind: {reason}. "
            "Take config and preprocessor from the same model."
        ) from error


def _padded(settings: dict[str, Any], side: int) -> Reader:
    """SAM's own processor, without torchvision: longer side = `side`, zeros below or beside."""
    from transformers import SamImageProcessorPil

    processor = SamImageProcessorPil(**_known(settings))
    _check_side(processor.pad_size["height"], side)

    def read(picture: UInt8[np.ndarray, "height width 3"]) -> tuple[Tensor, SegmentFrame]:
        made = processor(picture, return_tensors="pt")
        height, width = made["reshaped_input_sizes"][0].tolist()
        space = (picture.shape[0], picture.shape[1])
        return made["pixel_values"], SegmentFrame(space=space, inner=(height, width), side=side)

    return read


def _stretched(settings: dict[str, Any], side: int) -> Reader:
    """SAM 2's preparation: stretched to the square; transformers' own needs torchvision."""
    _check_side(settings["size"]["height"], side)
    mean = torch.tensor(settings.get("image_mean", [0.485, 0.456, 0.406]))[:, None, None]
    spread = torch.tensor(settings.get("image_std", [0.229, 0.224, 0.225]))[:, None, None]

    def read(picture: UInt8[np.ndarray, "height width 3"]) -> tuple[Tensor, SegmentFrame]:
        share = torch.from_numpy(np.array(picture)).movedim(-1, 0)[None].float() / 255
        square = F.interpolate(share, size=(side, side), mode="bilinear", antialias=True)
        space = (picture.shape[0], picture.shape[1])
        return (square - mean) / spread, SegmentFrame(space=space, inner=(side, side), side=side)

    return read


def _known(settings: dict[str, Any]) -> dict[str, Any]:
    names = ("size", "pad_size", "resample", "rescale_factor", "image_mean", "image_std")
    switches = ("do_resize", "do_rescale", "do_normalize", "do_pad", "do_convert_rgb")
    return {key: settings[key] for key in (*names, *switches) if settings.get(key) is not None}


def _check_side(prepared: int, side: int) -> None:
    if prepared != side:
        raise CheckpointError(
            f"`model` reads pictures of {side} pixels, but its preprocessor makes {prepared}. "
            "Take config and preprocessor from the same model."
        )


def _card(folder: Path, name: str, family: str) -> dict[str, Any]:
    told = read_json(folder / "card.json") if (folder / "card.json").is_file() else {}
    card = {"name": name, "kind": family, "sha256": hash_files(weight_files(folder))}
    return card | {key: told[key] for key in ("licence", "source", "prompts") if key in told}


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(dict(values), indent=2) + "\n", encoding="utf-8")
