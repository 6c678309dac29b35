"""Start-up, memory of a large DICOM, and what one call for many images saves.

    python benchmarks/scale.py --data FOLDER --out work/scale

Every figure comes from processes of their own: medians of five starts; the peak memory of one run
on a 16-bit 3000x3000 DICOM; twenty films in one call beside twenty calls.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from films import healthy_test_films, write_figures, write_wrapped

COMMAND = [str(Path(sys.executable).with_name("sequela"))]
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="chest-mini")
    parser.add_argument("--films", type=int, default=20)
    options = parser.parse_args()
    films = [film.path for film in healthy_test_films(options.data)][: options.films]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        figures = {
            "import sequela (median s)": median_seconds([sys.executable, "-c", "import sequela"])
            - median_seconds([sys.executable, "-c", "pass"]),
            "sequela --help (median s)": median_seconds([*COMMAND, "--help"]),
            **large_dicom(films[0], work, options.model),
            **many(films, work, options.model),
        }
    write_figures(figures, options.out / "figures.json")


def median_seconds(command: list[str]) -> float:
    """Median wall time of five runs after one to warm the disk."""
    times = [seconds(command) for _ in range(6)]
    return statistics.median(times[1:])


def seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own commands
    return time.perf_counter() - begin


def simulate(inputs: list[Path], out: Path, model: str) -> list[str]:
    names = [str(path) for path in inputs]
    asked = ["--disease", "pneumonia", "--model", model, "--out", str(out)]
    return [*COMMAND, "simulate", *names, *asked]


def large_dicom(film: Path, work: Path, model: str) -> dict[str, float]:
    """Peak memory and time of a film enlarged to a 16-bit 3000x3000 DICOM."""
    path = work / "large.dcm"
    write_wrapped(film, path, (3000, 3000))
    command = simulate([path], work / "large", model)
    begin = time.perf_counter()
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", PEAK, *command], check=True, capture_output=True, text=True
    )
    return {
        "3000x3000 16-bit DICOM, N=10: peak memory (GiB)": int(done.stdout.split()[-1]) / 2**20,
        "3000x3000 16-bit DICOM, N=10: time (s)": time.perf_counter() - begin,
    }


def many(films: list[Path], work: Path, model: str) -> dict[str, float]:
    """One call for all films beside one call for each, in processor time.

    The calls last long enough for the machine's other work to change; wall time would tell of that.
    """
    together = processor_seconds([simulate(films, work / "together", model)])
    apart = processor_seconds([simulate([f], work / f"apart-{f.stem}", model) for f in films])
    return {
        f"{len(films)} films in one call (processor s)": together,
        f"{len(films)} films in {len(films)} calls (processor s)": apart,
        "calls / one call": apart / together,
    }


def processor_seconds(commands: list[list[str]]) -> float:
    """User and system time of all commands together."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    begin = spent()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own commands
    return spent() - begin


if __name__ == "__main__":
    main()
