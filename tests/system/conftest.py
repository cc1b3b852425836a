"""The exporter and the upstream of the integration tests, for tests with real tools."""

from tests.integration.conftest import exporter, flags, shared_upstream, upstream

__all__ = ["exporter", "flags", "shared_upstream", "upstream"]
