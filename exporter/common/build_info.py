"""Which build of the exporter this is."""

import functools
from pathlib import Path

_FILE = Path(__file__).parents[1] / "REVISION"


@functools.cache
def revision() -> str:
    """Return the commit that this copy was built from, or "unknown" where the build did not record it."""
    try:
        return _FILE.read_text("utf-8").strip() or "unknown"
    except FileNotFoundError:
        return "unknown"
