"""Whether a result could be written, asked before the work that makes it."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bench.cli.writable import refuse_unwritable
from tasks.errors import UserError


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("older")
    refuse_unwritable(tmp_path / "there.txt", "--output")
    refuse_unwritable(tmp_path / "deep" / "deeper" / "new.txt", "--output")
    refuse_unwritable(tmp_path / "deep" / "deeper", "--reports", folder=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["there.txt"]
    assert (tmp_path / "there.txt").read_text() == "older"


@pytest.mark.parametrize(
    ("path", "folder", "says"),
    [
        (".", False, "which is a folder: give a file"),
        ("file", True, "which is a file: give a folder"),
        ("file/new", False, "file is a file: give another file"),
        ("file/new/newer", True, "file is a file: give another folder"),
    ],
)
def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path: Path, path: str, folder: bool, says: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"^--flag is .*{says}$"):
        refuse_unwritable(tmp_path / path, "--flag", folder=folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_the_system_refuses_is_said_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(**places: Any) -> None:
        raise OSError(code, "No, it said", str(places["dir"]))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)  # no permission stops root, who runs tests in containers
    room = r", [\d,]+ bytes are free there" if code == errno.ENOSPC else ""
    with pytest.raises(UserError, match=rf"but no file can be made in .* \(No, it said{room}\): give another folder"):
        refuse_unwritable(tmp_path / "new", "--reports", folder=True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody can write")
def test_permissions_do_not_tell_all() -> None:
    with pytest.raises(UserError, match="but no file can be made in /proc"):
        refuse_unwritable(Path("/proc/new"), "--output")
