"""A field of a backend that is a metric is in each place that CONTRIBUTING.md lists."""

from datetime import UTC, datetime

import pytest

from exporter.metrics.backends import BACKEND_FAMILIES
from exporter.metrics.encoding import BackendFamily
from exporter.records.backends import REJECTED_FIELDS, Backend
from exporter.simulator import Fleet
from exporter.simulator.drill.parsing import FIELDS
from tests.support.golden import read_golden
from tests.support.repository import ROOT
from tests.support.untrusted_json import GOOD_ROW

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

each_family = pytest.mark.parametrize("family", BACKEND_FAMILIES, ids=lambda family: family.name)


@each_family
def test_a_field_can_be_rejected(family: BackendFamily[Backend]) -> None:
    assert family.field in REJECTED_FIELDS


@each_family
def test_the_simulator_sends_a_field(family: BackendFamily[Backend]) -> None:
    backends = Fleet(1).backends(NOW, with_key=True)
    assert any(family.field in backend for backend in backends)


@each_family
def test_a_drill_can_change_a_field(family: BackendFamily[Backend]) -> None:
    assert family.field in FIELDS


@each_family
def test_the_samples_of_the_tests_have_a_field(family: BackendFamily[Backend]) -> None:
    assert family.field in GOOD_ROW, "tests/support/untrusted_json.py"
    assert f"\n{family.name}{{" in read_golden("backends.prom"), "tests/support/samples.py, then make golden"


@each_family
def test_the_changelog_names_a_field(family: BackendFamily[Backend]) -> None:
    assert f"`{family.field}`" in (ROOT / "CHANGELOG.md").read_text()
