"""The pages' tables, flags, paths and links are held to the code."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import promql_parser
import pytest

from exporter.commands.main import commands
from exporter.common.errors import REASONS
from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.metrics.encoding import BackendFamily, Format
from exporter.metrics.exporter import ExporterMetrics
from exporter.metrics.exposition import encode_scrape
from exporter.metrics.status_page import STATUS_PAGE_FAMILIES
from exporter.records.component_backends import backend_of
from exporter.records.scrape import Scrape
from tests.support.repository import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")])
LASTING_PAGES = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""Those that name nothing that is gone."""

QUERIES = re.compile(r"^ *```promql\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
NAMED_PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+\.(?:md|py|toml|yml))?|\w+\.py)`")
OWN_FLAG = re.compile(
    r"(?<![\w-])--(?:(?:(?:no-)?collector|web|ionq|log|simulator)[.][a-z.-]+[a-z]"
    r"|(?:output|seed|speed|backend|start|end|step|label|requests-per-second)\b)"
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
each_lasting_page = pytest.mark.parametrize("page", LASTING_PAGES, ids=name_of)


def read(page: str | Path) -> str:
    return (ROOT / page).read_text("utf-8")


def table_below(heading: str, page: str) -> list[list[str]]:
    """Return the cells of the first table after a line that begins with this text."""
    text = "\n" + read(page)
    lines = text[text.index(f"\n{heading}") :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")])
    return rows


def anchors_of(page: Path) -> set[str]:
    """Return the names that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def options_of(command: str) -> dict[str, click.Option]:
    """Return the options of a command by the name that the pages give them."""
    parameters = commands.commands[command].params
    return {name: option for option in parameters for name in option.opts if isinstance(option, click.Option)}


def default_of(option: click.Option) -> str:
    default = option.default[0] if isinstance(option.default, tuple) else option.default
    if option.secondary_opts:
        return "on"
    return str(default) if isinstance(default, str | int | float | Path) else ""


def flags_of_all_commands() -> set[str]:
    return {
        name
        for command in commands.commands
        for option in options_of(command).values()
        for name in (*option.opts, *option.secondary_opts)
    }


def test_the_readme_is_short_enough_for_a_first_visit() -> None:
    assert len(read("README.md").splitlines()) <= 200


def test_the_readme_names_each_metric_of_a_backend() -> None:
    named = [
        name for row in table_below("## Metrics", "README.md") for name in re.findall(r"`(\w+)`", row[0])
    ]
    metrics: tuple[BackendFamily[Any], ...] = (*BACKEND_FAMILIES, *CHARACTERIZATION_FAMILIES)
    assert named == [metric.name for metric in metrics]


@pytest.mark.parametrize(
    ("heading", "metrics"),
    [("## Backends", BACKEND_FAMILIES), ("## Characterizations", CHARACTERIZATION_FAMILIES)],
)
def test_the_tables_of_backend_metrics_name_each_metric_and_its_field(
    heading: str, metrics: Sequence[BackendFamily[Any]]
) -> None:
    documented = [(row[0].strip("`"), row[1].strip("`")) for row in table_below(heading, "docs/metrics.md")]
    assert documented == [(metric.name, metric.field) for metric in metrics]


def test_the_table_of_the_status_page_names_each_metric_and_its_field() -> None:
    documented = [
        (row[0].strip("`"), row[1].strip("`")) for row in table_below("## Status page", "docs/metrics.md")
    ]
    assert documented == [
        ("ionq_status_page_up", ""),
        ("ionq_status_page_last_read_timestamp_seconds", ""),
        *((family.name, family.field) for family in STATUS_PAGE_FAMILIES),
    ]


@pytest.mark.parametrize(
    ("heading", "metrics"),
    [
        ("## Backends", [metric.name for metric in BACKEND_FAMILIES]),
        ("## Characterizations", [metric.name for metric in CHARACTERIZATION_FAMILIES]),
        (
            "## Status page",
            [
                "ionq_status_page_up",
                "ionq_status_page_last_read_timestamp_seconds",
                *(family.name for family in STATUS_PAGE_FAMILIES),
            ],
        ),
    ],
)
def test_each_metric_has_its_claims_about_ionq_with_a_source(heading: str, metrics: list[str]) -> None:
    sources = {row[0] for row in table_below("# Sources", "docs/sources.md")}
    rows = table_below(heading, "docs/sources.md")
    assert [row[0].strip("`") for row in rows if row[0]] == metrics
    assert {source for _, _, source in rows} <= sources


def test_the_table_of_components_names_the_backend_of_each() -> None:
    for component, backend in table_below("## Status page", "docs/configuration.md")[:3]:
        assert backend_of(component.split("`")[1], {}) == backend.strip("`")


def test_the_table_of_own_metrics_names_each_metric_and_its_type() -> None:
    scrape = Scrape(datetime.now(UTC), 0.1)
    text = encode_scrape(scrape, ExporterMetrics(), Format.TEXT, with_process=False).decode()
    exposed = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    documented = table_below("## The exporter", "docs/metrics.md")
    assert [(row[0].strip("`"), row[1]) for row in documented] == exposed


def test_the_table_of_reasons_names_each_reason() -> None:
    documented = table_below("## Reasons", "docs/faults.md")
    assert [row[0].strip("`") for row in documented] == list(REASONS)


def test_the_table_of_flags_names_each_flag_of_serve_and_its_default() -> None:
    table = table_below("## Flags", "docs/configuration.md")[:-1]
    documented = {row[0].strip("`"): row[1].strip("`") for row in table}
    options = {name: option for name, option in options_of("serve").items() if name != "--version"}
    assert documented == {name: default_of(option) for name, option in options.items()}


@pytest.mark.parametrize(
    ("command", "heading", "page"),
    [("simulate", "# Simulator", "docs/simulator.md"), ("backfill", "## Flags", "docs/history.md")],
)
def test_the_table_of_a_command_names_its_own_flags_and_their_defaults(
    command: str, heading: str, page: str
) -> None:
    own = {name: option for name, option in options_of(command).items() if name not in options_of("serve")}
    documented = {row[0].strip("`"): row[1] for row in table_below(heading, page)}
    assert documented.keys() == own.keys()
    for name, option in own.items():
        assert not default_of(option) or documented[name] == f"`{default_of(option)}`", name


@each_page
def test_a_query_of_a_page_is_valid_promql(page: Path) -> None:
    for block in QUERIES.findall(read(page)):
        for query in block.split("\n\n"):
            promql_parser.parse(query)


def test_no_rule_and_no_query_of_a_page_computes_with_a_field_of_unknown_unit() -> None:
    rules = [read(f"deploy/prometheus/{name}.yml") for name in ("alerts", "recording")]
    queries = [query for page in PAGES for query in QUERIES.findall(read(page))]
    assert not [text for text in (*rules, *queries) if "ionq_backend_energy_kwh" in text]


@each_lasting_page
def test_a_flag_that_a_page_names_exists(page: Path) -> None:
    assert set(OWN_FLAG.findall(read(page))) <= flags_of_all_commands()


@each_page
def test_a_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", read(page), re.MULTILINE)) <= targets


@each_page
def test_a_link_of_a_page_leads_somewhere(page: Path) -> None:
    for name, anchor in LINK.findall(FENCED.sub("", read(page))):
        target = page.parent / name if name else page
        assert target.exists(), name
        assert not anchor or anchor in anchors_of(target), f"{name}#{anchor}"


@each_lasting_page
def test_a_path_that_a_page_names_exists(page: Path) -> None:
    for path in NAMED_PATH.findall(read(page)):
        assert (ROOT / path).exists() or (ROOT / "exporter" / path).exists(), path
