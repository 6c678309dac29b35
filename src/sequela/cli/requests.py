"""From options to instructions: findings, reports, regions, the domain and its model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sequela.cli.parsing import parse_box, parse_finding, parse_point
from sequela.cli.reports import read_reports
from sequela.conditioning import (
    CHEST,
    PROVIDERS,
    VOCABULARIES,
    Brief,
    Instructions,
    Wish,
    check_domain,
)
from sequela.core import InvalidInputError, Region, Scan, UnknownNameError
from sequela.io import read_region_file
from sequela.simulators.editing import check_picture

_LONGEST_PROMPT = 20_000  # characters; beyond it something else than a prompt was pasted


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one call asks of each of its scans."""

    instructions: Instructions
    checks_domain: bool = True

    def check(self, scan: Scan) -> None:
        """Refuse what cannot be asked of one scan, before anything is loaded or searched for."""
        check_picture(scan)
        doubt = check_domain(scan, self.instructions.domain) if self.checks_domain else None
        if doubt is not None:
            raise InvalidInputError(
                f"{doubt} Give the right image, name its --domain, or add --skip-domain-check."
            )
        self.instructions.without_finders().on(scan)

    def brief(self, scan: Scan) -> Brief:
        """Everything the simulator is told about one scan."""
        return self.instructions.on(scan)


def asked_by(options: dict[str, Any], *, model_domain: str | None) -> Asked:
    """The instructions among the options.

    Args:
        options: As typed.
        model_domain: What the card of the model named by the user says, if it says anything.
    """
    for name in ("prompt", "negative_prompt"):
        text = options[name]
        if text is not None and len(text) > _LONGEST_PROMPT:
            raise InvalidInputError(
                f"`--{name.replace('_', '-')}` must be at most {_LONGEST_PROMPT} characters, got "
                f"{len(text)}. The text encoder reads only the first few dozen words."
            )
    typed = [parse_finding(w) for w in (*(options["disease"] or ()), *(options["finding"] or ()))]
    domain = options.get("domain") or model_domain
    report, baseline = read_reports(options, domain)
    domain = domain or (report.domain if report else _domain_of([t.name for t in typed]))
    wishes = tuple(
        Wish(
            name=t.name,
            weight=t.weight,
            region=None if t.region is None else read_region_file(t.region),
        )
        for t in typed
    )
    instructions = Instructions(
        domain=domain,
        wishes=wishes,
        prompt=options["prompt"],
        negative_prompt=options["negative_prompt"],
        report=report,
        baseline=baseline,
        region=_region(options["region"], options.get("region_segment")),
        boxes=tuple(parse_box(words) for words in options.get("region_box") or ()),
        points=tuple(parse_point(words) for words in options.get("region_point") or ()),
        region_model=options.get("region_model"),
        protect=_protected(options.get("protect", "none")),
    )
    return Asked(
        instructions=instructions, checks_domain=not options.get("skip_domain_check", True)
    )


def _domain_of(names: Sequence[str]) -> str:
    """The only domain that knows all findings; chest where that is none or several."""
    knowing = []
    for domain, vocabulary in VOCABULARIES.items():
        try:
            for name in names:
                vocabulary.canonical(name)
        except UnknownNameError:
            continue
        knowing.append(domain)
    return knowing[0] if len(knowing) == 1 else CHEST.domain


def _region(words: str, segment: str | None) -> Region | str:
    if words in ("auto", "none"):
        return words
    if not Path(words).exists() and Path(words).suffix == "":
        return PROVIDERS.get(words).name
    return read_region_file(Path(words), segment=segment)


def _protected(words: str) -> Region | str:
    return words if words in ("auto", "none") else read_region_file(Path(words))


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
