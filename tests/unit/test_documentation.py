"""The README's tables and commands are held to the code."""

import re

import click
import pytest

from exporter.commands.main import commands
from exporter.common.errors import REASONS
from exporter.metrics.definitions import BACKEND_METRICS, CHARACTERIZATION_METRICS
from exporter.metrics.exporter import ExporterMetrics, ScrapeCollector
from tests.support.repository import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def table_below(heading: str) -> list[list[str]]:
    """Return the cells of the first table after a line that begins with this text."""
    lines = README[README.index(f"\n{heading}") :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")])
    return rows


def options_of(command: str) -> dict[str, click.Option]:
    parameters = commands.commands[command].params
    return {name: option for option in parameters for name in option.opts if isinstance(option, click.Option)}


def names_of(command: str) -> set[str]:
    return {
        name for option in options_of(command).values() for name in (*option.opts, *option.secondary_opts)
    }


def test_the_table_of_backend_metrics_names_each_metric_and_its_field() -> None:
    documented = [(row[0].strip("`"), row[1].strip("`")) for row in table_below("## Metrics")]
    assert documented == [(metric.name, metric.field) for metric in BACKEND_METRICS]


def test_the_table_of_characterization_metrics_names_each_metric_and_its_field() -> None:
    table = table_below("And of a machine's characterization")
    documented = [(row[0].strip("`"), row[1].strip("`")) for row in table]
    assert documented == [(metric.name, metric.field) for metric in CHARACTERIZATION_METRICS]


def test_the_table_of_own_metrics_names_each_metric_and_its_type() -> None:
    telemetry = ExporterMetrics()
    families = [
        *ScrapeCollector(up=True, duration_seconds=0.1).collect(),
        *(family for ledger in telemetry.ledgers for family in ledger.collect()),
    ]
    exposed = [
        (f"{family.name}_total" if family.type == "counter" else family.name, family.type)
        for family in families
    ]
    assert [(row[0].strip("`"), row[1]) for row in table_below("The exporter's own:")] == exposed


def test_the_table_of_reasons_names_each_reason() -> None:
    assert [row[0].strip("`") for row in table_below("## When IonQ fails")] == list(REASONS)


def test_the_table_of_flags_names_each_flag_of_serve_and_its_default() -> None:
    documented = {row[0].strip("`"): row[1].strip("`") for row in table_below("### Flags")[:-1]}
    options = {name: option for name, option in options_of("serve").items() if name != "--version"}
    assert documented.keys() == options.keys()
    for name, option in options.items():
        default = option.default[0] if isinstance(option.default, tuple) else option.default
        if option.secondary_opts:
            default = "on"
        assert documented[name] == (str(default) if isinstance(default, str | int) else ""), name


@pytest.mark.parametrize(
    "flag",
    sorted(
        set(
            re.findall(
                r"`(--(?:(?:(?:no-)?collector|web|ionq|log|simulator)[.][a-z.-]+[a-z]"
                r"|output|seed|speed|version|backend|start|end|step|label|requests-per-second))\b",
                README,
            )
        )
    ),
)
def test_each_flag_that_the_readme_mentions_exists(flag: str) -> None:
    known = {name for command in commands.commands for name in names_of(command)}
    assert flag in known | {"--help"}


def test_each_make_target_that_the_readme_mentions_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    mentioned = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert mentioned
    assert mentioned <= targets


def test_each_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(((?!https?:|#)[^)#]+)[^)]*\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_each_heading_that_the_readme_links_to_exists() -> None:
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors
