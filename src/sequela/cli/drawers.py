"""Transition engines with weights of their own, loaded once for all images of a call."""

from pathlib import Path
from typing import Any

from sequela.core import InvalidInputError


def load_drawer(options: dict[str, Any]) -> Any:
    """The transition engine with weights of its own that the options name, or None."""
    from sequela.simulators.transition import WITH_WEIGHTS, EngineSetup, make_engine

    name, weights, parts = (
        options[key] for key in ("transition", "transition_model", "transition_parts")
    )
    if name not in WITH_WEIGHTS:
        if weights or parts:
            raise InvalidInputError(
                f"`--transition-model` is for {', '.join(WITH_WEIGHTS)}, got transition {name}. "
                "Name one of these, or leave the model out."
            )
        return None
    if not weights:
        raise InvalidInputError(
            f"`--transition-model` must be given with the transition {name}, got none. Name its "
            "weights; latent, flow and crossfade need none."
        )
    setup = EngineSetup(
        checkpoint=Path(weights),
        components=None if parts is None else Path(parts),
        device=options["device"],
    )
    return make_engine(name, setup)
