"""The noise schedule of a model folder, read from its `scheduler/scheduler_config.json`."""

from typing import Any

import torch
from torch import Tensor

from sequela.core.errors import CheckpointError
from sequela.diffusion import Prediction, Schedule, flow_schedule, schedule_from_betas

_PREDICTIONS: dict[str, Prediction] = {
    "epsilon": "epsilon",
    "v_prediction": "v_prediction",
    "sample": "sample",
}


def schedule_from_config(config: dict[str, Any]) -> Schedule:
    """The schedule the model was trained with; which sampler was published with it does not matter.

    Args:
        config: The scheduler's settings, with the defaults of its class where they are silent.
    """
    kind = str(config.get("_class_name", ""))
    if kind.startswith("FlowMatch"):
        if config.get("use_dynamic_shifting"):
            raise _unsupported("use_dynamic_shifting", True)
        return flow_schedule(
            timesteps=int(config.get("num_train_timesteps", 1000)),
            shift=float(config.get("shift", 1.0)),
        )
    predicted = str(config.get("prediction_type", "epsilon"))
    if predicted not in _PREDICTIONS:
        raise _unsupported("prediction_type", predicted)
    return schedule_from_betas(
        _betas(config),
        prediction=_PREDICTIONS[predicted],
        steps_offset=int(config.get("steps_offset", 0)),
        ends_clean=bool(config.get("set_alpha_to_one", kind.startswith("DDIM"))),
    )


def _betas(config: dict[str, Any]) -> Tensor:
    if config.get("trained_betas") is not None:
        betas = torch.tensor(config["trained_betas"], dtype=torch.float64)
    else:
        betas = _spaced_betas(config)
    return _ending_in_pure_noise(betas) if config.get("rescale_betas_zero_snr") else betas


def _spaced_betas(config: dict[str, Any]) -> Tensor:
    count = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 1e-4)), float(config.get("beta_end", 0.02))
    spacing = config.get("beta_schedule", "linear")
    if spacing == "linear":
        return torch.linspace(start, end, count, dtype=torch.float64)
    if spacing == "scaled_linear":
        return torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
    raise _unsupported("beta_schedule", spacing)


def _ending_in_pure_noise(betas: Tensor) -> Tensor:
    """Source: Lin et al., arXiv:2305.08891, algorithm 1: shift and scale the signal to end at 0."""
    signal = torch.cumprod(1 - betas, dim=0).sqrt()
    signal = (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])
    kept = signal**2
    return 1 - kept / torch.cat([kept.new_ones(1), kept[:-1]])


def _unsupported(setting: str, value: object) -> CheckpointError:
    return CheckpointError(
        f"`model` has a scheduler with {setting} {value!r}, which is not supported. "
        "Known are linear and scaled_linear betas with epsilon, v_prediction or sample, and flow "
        "matching with a fixed shift."
    )
