"""Reports named on the command line, read by rules or by a language model."""

from typing import Any

import typer

from sequela.conditioning import Report, read_report
from sequela.core import InvalidInputError
from sequela.core.checks import check_choice
from sequela.io import read_text

READERS = ("rules", "llm")


def read_reports(
    options: dict[str, Any], domain: str | None
) -> tuple[Report | None, Report | None]:
    """The report and the baseline's, as far as they are named."""
    reader = options.get("report_reader", "rules")
    check_choice("--report-reader", reader, READERS)
    paths = [options.get("report"), options.get("baseline_report")]
    if paths[0] is None and paths[1] is not None:
        raise InvalidInputError(
            "`--baseline-report` needs a --report to be compared with, got none. "
            "Give the later report with --report."
        )
    first, second = (
        None if path is None else _read(read_text(path), domain, options) for path in paths
    )
    return first, second


def print_preview(options: dict[str, Any]) -> None:
    """Show what a language model would be sent for each report; nothing is sent."""
    from sequela.backbones.language_model import Endpoint
    from sequela.conditioning.reports.llm import preview

    paths = [options["report"], options["baseline_report"]]
    endpoint = Endpoint.from_environment()
    for path in paths:
        if path is not None:
            typer.echo(preview(read_text(path), options["domain"], endpoint))
    typer.echo("Nothing was sent, and nothing was written.")


def _read(text: str, domain: str | None, options: dict[str, Any]) -> Report:
    if options.get("report_reader", "rules") == "rules":
        return read_report(text, domain=domain)
    from sequela.backbones.language_model import Endpoint
    from sequela.conditioning.reports.llm import read_report_llm

    return read_report_llm(
        text,
        domain=domain,
        endpoint=Endpoint.from_environment(),
        allow_sending=options.get("send_report", False),
    )
