import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler

from sequela.backbones.schedules import schedule_from_config
from sequela.core import CheckpointError


@pytest.mark.parity
@pytest.mark.parametrize("spacing", ["linear", "scaled_linear"])
@pytest.mark.parametrize("rescaled", [False, True])
def test_levels_are_those_of_diffusers(spacing, rescaled):
    scheduler = DDIMScheduler(beta_schedule=spacing, rescale_betas_zero_snr=rescaled)
    schedule = schedule_from_config({**scheduler.config, "_class_name": "DDIMScheduler"})
    kept = scheduler.alphas_cumprod.double()
    torch.testing.assert_close(schedule.alpha**2, kept, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("cls", "clean"), [(DDIMScheduler, True), (PNDMScheduler, False)])
def test_where_denoising_ends_is_read_or_taken_from_the_class_default(cls, clean):
    for config in (dict(cls().config), {}):
        schedule = schedule_from_config({**config, "_class_name": cls.__name__})
        assert (schedule.at(-1) == (1.0, 0.0)) is clean


@pytest.mark.parametrize(
    ("setting", "value"),
    [("prediction_type", "score"), ("beta_schedule", "sigmoid"), ("use_dynamic_shifting", True)],
)
def test_settings_nobody_implements_are_refused_by_name(setting, value):
    kind = "FlowMatchEulerDiscreteScheduler" if "shifting" in setting else "DDIMScheduler"
    with pytest.raises(CheckpointError, match=f"{setting} {value!r}"):
        schedule_from_config({"_class_name": kind, setting: value})
