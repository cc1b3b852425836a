from pathlib import Path

import pytest

from exporter.common import build_info


@pytest.mark.parametrize(
    ("written", "revision"), [("4a7af46\n", "4a7af46"), ("\n", "unknown"), (None, "unknown")]
)
def test_the_revision_is_what_the_build_recorded_or_unknown(
    written: str | None, revision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "REVISION"
    if written is not None:
        file.write_text(written)
    monkeypatch.setattr(build_info, "_FILE", file)
    build_info.revision.cache_clear()
    assert build_info.revision() == revision
    build_info.revision.cache_clear()
