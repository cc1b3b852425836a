import os
import stat
from pathlib import Path

import pytest

from exporter.common.atomic_files import replacing

OLD, NEW = b"ionq_up 0.0\n", b"ionq_up 1.0\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ionq.prom"


def replace_file(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_written_whole(path: Path) -> None:
    replace_file(path, NEW)
    assert path.read_bytes() == NEW


def test_an_old_file_is_replaced_whole(path: Path) -> None:
    path.write_bytes(OLD * 1_000)
    replace_file(path, NEW)
    assert path.read_bytes() == NEW


def test_a_reader_of_the_old_file_still_sees_all_of_it(path: Path) -> None:
    path.write_bytes(OLD)
    with path.open("rb") as reader:
        replace_file(path, NEW)
        assert reader.read() == OLD


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_node_exporter_may_read_the_file_whatever_the_umask(umask: int, path: Path) -> None:
    usual = os.umask(umask)
    try:
        replace_file(path, NEW)
    finally:
        os.umask(usual)
    assert mode(path) == 0o644


def test_nothing_else_is_left_in_the_directory(path: Path) -> None:
    replace_file(path, OLD)
    replace_file(path, NEW)
    assert list(path.parent.iterdir()) == [path]


def test_a_relative_path_is_written_where_it_points(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    replace_file(Path(path.name), NEW)
    assert path.read_bytes() == NEW


def test_a_directory_that_is_missing_is_an_error_that_names_the_file(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"/missing/ionq\.prom'$"):
        replace_file(path.parent / "missing" / "ionq.prom", NEW)
    assert list(path.parent.iterdir()) == []


def test_a_path_that_cannot_be_replaced_is_an_error_and_leaves_no_temporary_file(path: Path) -> None:
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(path, NEW)
    assert list(path.parent.iterdir()) == [path]
    assert path.is_dir()


def test_a_full_disk_leaves_the_old_file_and_no_temporary_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_descriptor: int) -> None:
        raise OSError("No space left on device")

    path.write_bytes(OLD)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        replace_file(path, NEW)
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_is_none_that_node_exporter_reads(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: seen.extend(path.parent.iterdir()))
    replace_file(path, NEW)
    [temporary] = seen
    assert temporary.suffix != ".prom"
