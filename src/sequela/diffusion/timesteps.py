"""Which timesteps a solver visits once the noise schedule has been rolled back by `strength`."""

from sequela.core.checks import check_count, check_share
from sequela.core.errors import InvalidInputError
from sequela.diffusion.schedule import Schedule


def leading_timesteps(schedule: Schedule, num_denoising_steps: int) -> list[int]:
    """Evenly spaced timesteps of a whole denoising, falling, as Stable Diffusion was published.

    50 steps of 1000 give 981, 961, ..., 1: each the lower end of its interval, plus the offset.

    Source: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed",
    arXiv:2305.08891, table 2 ("leading").
    """
    _check_steps(schedule, num_denoising_steps)
    ratio = len(schedule) // num_denoising_steps
    last = len(schedule) - 1
    rising = [min(i * ratio + schedule.steps_offset, last) for i in range(num_denoising_steps)]
    return rising[::-1]


def kept_from(num_denoising_steps: int, strength: float) -> int:
    """How many timesteps of a whole denoising are skipped; the product is cut, not rounded."""
    check_share("strength", strength, hint="It is the share of the noise schedule to roll back.")
    return num_denoising_steps - min(int(num_denoising_steps * strength), num_denoising_steps)


def quadratic_timesteps(schedule: Schedule, num_denoising_steps: int, strength: float) -> list[int]:
    """Timesteps from exactly the rolled-back level down, even in their square root.

    The number of evaluations is `num_denoising_steps` times `strength`, rounded, at least 1 unless
    `strength` is 0. Timestep 0 itself is left out: it lies next to the end of denoising.

    Source: Song et al., arXiv:2010.02502, appendix D.2 ("quadratic"); there without roll-back.
    """
    check_share("strength", strength, hint="It is the share of the noise schedule to roll back.")
    _check_steps(schedule, num_denoising_steps)
    first = min(round(strength * len(schedule)), len(schedule) - 1)
    if first == 0:
        return []
    count = min(max(1, int(num_denoising_steps * strength + 0.5)), first)
    return _strictly_falling([round(first * ((count - i) / count) ** 2) for i in range(count)])


def _strictly_falling(timesteps: list[int]) -> list[int]:
    # Near the end neighbours fall together: push them apart, to 1 at least, without passing what
    # the first timestep leaves room for.
    floor, pushed = 0, []
    for timestep in reversed(timesteps):
        floor = max(timestep, floor + 1)
        pushed.append(floor)
    return [min(t, timesteps[0] - i) for i, t in enumerate(reversed(pushed))]


def _check_steps(schedule: Schedule, num_denoising_steps: int) -> None:
    check_count("num_denoising_steps", num_denoising_steps)
    if num_denoising_steps > len(schedule):
        raise InvalidInputError(
            f"`num_denoising_steps` must be at most {len(schedule)}, the length of the noise "
            f"schedule, got {num_denoising_steps}. 12 to 50 are usual."
        )
