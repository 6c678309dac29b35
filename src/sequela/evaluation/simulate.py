"""Simulate: fill all cells of a protocol, over several processes, each cell once."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from sequela.cohorts import Example
from sequela.core import SequelaError
from sequela.evaluation.cells import Cell, CellKey, clear_partials, read_cell
from sequela.evaluation.protocol import DomainTask, Entrant, Protocol
from sequela.evaluation.subjects import Subjects

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One image under one seed, with all entrants that are tried on it."""

    task: DomainTask
    subjects: Subjects
    example: Example
    seed: int
    entrants: tuple[Entrant, ...]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An image that could not be simulated, and why; it stops nothing else."""

    domain: str
    image: str
    seed: int
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """One cell with what it is of."""

    task: DomainTask
    example: Example
    seed: int
    entrant: Entrant
    key: CellKey

    def read(self, folder: Path) -> Cell:
        """Its content, checked."""
        cell = read_cell(folder, self.key)
        if cell is None:
            raise SequelaError(
                f"`cells` {self.key.digest} was damaged after it was made. Run again to redo it."
            )
        return cell


def jobs_of(protocol: Protocol, subjects: dict[str, Subjects]) -> Iterator[Job]:
    """Every image under every seed."""
    for task in protocol.domains:
        for index, example in enumerate(subjects[task.name].tried):
            for seed in protocol.seeds:
                entrants = tuple(
                    e
                    for e in protocol.entrants
                    if (not e.domains or task.name in e.domains)
                    and (not e.images or index < e.images)
                )
                if entrants:
                    yield Job(
                        task=task,
                        subjects=subjects[task.name],
                        example=example,
                        seed=seed,
                        entrants=entrants,
                    )


def simulate_all(
    protocol: Protocol,
    subjects: dict[str, Subjects],
    folder: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[list[Made], list[Failure]]:
    """Fill all cells that are missing or damaged.

    Args:
        protocol: What to compare.
        subjects: The images, by domain.
        folder: Where cells are kept.
        workers: Processes; each computes on one thread, so that figures do not depend on them.
        progress: Called with (jobs done, jobs).

    Returns:
        The cells, in the order of the protocol whatever the order they were made in; the failures.
    """
    clear_partials(folder)
    jobs = list(jobs_of(protocol, subjects))
    results: dict[int, tuple[list[Made], Failure | None]] = {}
    for count, (number, done) in enumerate(_finished(jobs, folder, workers), 1):
        results[number] = done
        if progress is not None:
            progress(count, len(jobs))
    ordered = [results[number] for number in range(len(jobs))]
    made = [cell for cells, _ in ordered for cell in cells]
    return made, [failure for _, failure in ordered if failure is not None]


def _finished(
    jobs: list[Job], folder: Path, workers: int
) -> Iterator[tuple[int, tuple[list[Made], Failure | None]]]:
    """Jobs with their numbers as they are done; a single worker needs no process of its own."""
    if workers == 1:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield from ((number, _done(job, folder)) for number, job in enumerate(jobs))
        finally:
            torch.set_num_threads(threads)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_single_threaded) as pool:
        waiting = {pool.submit(_done, job, folder): number for number, job in enumerate(jobs)}
        for finished in as_completed(waiting):
            yield waiting[finished], finished.result()


def _done(job: Job, folder: Path) -> tuple[list[Made], Failure | None]:
    # imported here: it loads the models' libraries, which the parent may not need
    from sequela.evaluation.bench import bench_of

    try:
        return bench_of(job.task, job.subjects).cells(job, folder), None
    except (SequelaError, OSError) as error:
        name = f"{job.example.path.parent.name}/{job.example.path.name}"
        failure = Failure(domain=job.task.name, image=name, seed=job.seed, reason=str(error))
        return [], failure


def _single_threaded() -> None:
    import torch

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
