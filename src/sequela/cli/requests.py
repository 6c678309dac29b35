"""From options to what the simulator is asked: condition, regions, settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sequela.cli.parsing import parse_finding
from sequela.conditioning import CHEST, auto_region, place_region
from sequela.core import Condition, Finding, InvalidInputError, Region, Scan
from sequela.io import read_region_file
from sequela.simulators.editing import check_picture

_LONGEST_PROMPT = 20_000  # characters; beyond it something else than a prompt was pasted


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the options ask for, before any image is read.

    Attributes:
        findings: `--disease` and `--finding` as typed.
        prompt: `--prompt`, handed to the text encoder as it is.
        negative_prompt: What to steer away from.
        region: `auto`, `none` or a file.
        protect: A file, or None.
    """

    findings: tuple[str, ...]
    prompt: str | None
    negative_prompt: str
    region: str
    protect: Path | None

    def __post_init__(self) -> None:
        if not self.findings and self.prompt is None:
            raise InvalidInputError(
                "`--disease` must name what to simulate, but nothing was asked. For example: "
                "--disease pneumonia, --finding effusion:0.8, or --prompt TEXT."
            )
        for name, text in (("--prompt", self.prompt), ("--negative-prompt", self.negative_prompt)):
            if text is not None and len(text) > _LONGEST_PROMPT:
                raise InvalidInputError(
                    f"`{name}` must be at most {_LONGEST_PROMPT} characters, got {len(text)}. "
                    "The text encoder reads only the first few dozen words."
                )
        for words in self.findings:  # a misspelt finding must not wait for the model to load
            CHEST.canonical(parse_finding(words).name)

    def condition(self, scan: Scan) -> tuple[Condition, tuple[str, ...]]:
        """The condition on one scan's grid, and notices."""
        findings: list[Finding] = []
        notices: list[str] = []
        for words in self.findings:
            asked = parse_finding(words)
            region = None
            if asked.region is not None:
                region, notice = place_region(read_region_file(asked.region), scan)
                notices += [notice] if notice else []
            findings.append(CHEST.finding(asked.name, weight=asked.weight, region=region))
        if self.prompt is not None:
            findings.append(Finding(name="prompt", text=self.prompt))
        return (
            Condition(findings=tuple(findings), negative_prompt=self.negative_prompt),
            tuple(notices),
        )

    def check(self, scan: Scan) -> None:
        """Refuse what cannot be asked of one scan, before anything is loaded or searched for."""
        check_picture(scan)
        self.condition(scan)
        drawn = "none" if self.region == "auto" else self.region
        replace(self, region=drawn).regions(scan)

    def regions(self, scan: Scan) -> tuple[Region | None, Region | None, tuple[str, ...]]:
        """Region and protected region on one scan's grid, and notices."""
        notices: list[str] = []
        region: Region | None = None
        if self.region == "auto":
            region, notice = _automatic(scan)
            notices += [notice] if notice else []
        elif self.region != "none":
            region, notice = place_region(read_region_file(Path(self.region)), scan)
            notices += [notice] if notice else []
        protected = None
        if self.protect is not None:
            protected, notice = place_region(read_region_file(self.protect), scan)
            notices += [notice] if notice else []
        return region, protected, tuple(notices)


def _automatic(scan: Scan) -> tuple[Region | None, str | None]:
    if scan.is_colour:
        return None, (
            "No automatic region is built for colour images yet: the whole image may change. "
            "Draw one with --region."
        )
    found = auto_region(scan)
    return found.region, found.notice


def settings_from(options: dict[str, Any]) -> dict[str, Any]:
    """The editor's settings among the options, under the names the editor gives them."""
    names = {
        "steps": "num_steps",
        "strength": "strength",
        "guidance_scale": "guidance_scale",
        "denoising_steps": "num_denoising_steps",
        "keep_inside": "keep_inside",
        "keep_outside": "keep_outside",
        "roll_back": "roll_back",
    }
    return {field: options[option] for option, field in names.items()}


def expand(inputs: Sequence[Path]) -> list[Path]:
    """Files, and the images of folders, in order."""
    from sequela.io import find_images

    return [image for path in inputs for image in find_images(path)]
