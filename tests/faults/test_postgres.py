"""The mirror against a real PostgreSQL server, which is killed and started again in the middle of a run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from harness import progress, records, start
from optuna_dashboard import wsgi

PASSWORD = "hunter2 staple"


def program(name: str) -> str | None:
    """Of Debian's package `postgresql`, which puts it beside PATH."""
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(beside[-1]) if beside else shutil.which(name)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.storm,
    pytest.mark.skipif(program("initdb") is None, reason="needs a PostgreSQL server: apt-get install postgresql"),
]


class Server:
    """On loopback, with a data folder of its own; not as root, which PostgreSQL refuses."""

    def __init__(self, folder: Path) -> None:
        self._data, self._secret = folder / "data", folder / "password"
        self._as: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        self._as |= {"cwd": folder, "env": {**os.environ, "HOME": str(folder), "LC_ALL": "C"}}
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        self._secret.write_text(PASSWORD)
        self._secret.chmod(0o644)
        made = [str(program("initdb")), "-D", str(self._data), "-U", "me", "-A", "scram-sha-256"]
        subprocess.run([*made, f"--pwfile={self._secret}"], check=True, capture_output=True, **self._as)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Start, again and again while the processes of a killed server are still ending."""
        flags = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        for _ in range(50):
            self._process = subprocess.Popen(
                [str(program("postgres")), *flags], stderr=subprocess.PIPE, text=True, **self._as
            )
            assert self._process.stderr is not None
            if any("ready to accept connections" in line for line in self._process.stderr):
                return
            self.kill()
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        made = Server(Path(folder))
        yield made
        made.kill()


def _trials(url: str) -> int:
    """How many trials have been copied; 0 before there are tables."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(sqlalchemy.text("select count(*) from trials")).scalar_one())
    except sqlalchemy.exc.ProgrammingError:
        return 0
    finally:
        engine.dispose()


def _shown(url: str) -> set[str]:
    """The names of the studies that optuna-dashboard's own page asks its server for."""
    got: list[str] = []
    page = wsgi(optuna.storages.RDBStorage(url))
    asked: dict[str, Any] = {}
    setup_testing_defaults(asked)
    asked["PATH_INFO"] = "/api/studies"
    answer = b"".join(page(asked, lambda status, *_: got.append(status)))
    assert got == ["200 OK"]
    return {study["study_name"] for study in json.loads(answer)["study_summaries"]}


def test_a_server_that_is_killed_and_comes_back_has_all_trials_and_no_file_the_password(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql+psycopg2://me:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{server.port}/postgres"
    flags = (
        "--models",
        "linear,faulty[how=none]",
        "--trials",
        "4",
        "--replicates",
        "10",
        "--workers",
        "1",
        "--steps",
        "6000",
    )
    with start(folder, *flags, "--storage", url) as process:
        told = progress(process)
        while not _trials(url):  # until the copy has begun
            next(told)
        server.kill()
        for _ in range(5):
            next(told)
        server.start()
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait() == 0, rest
        assert "is not complete" not in rest.rpartition("is up to date again")[2]  # the last word, if any was said
    searched = [r for r in records(folder) if r["stage"] == "trial"]
    studies = optuna.get_all_study_summaries(url)
    assert sum(study.n_trials for study in studies) == len(searched) == 80
    assert _shown(url) == {study.study_name for study in studies}
    secrets = [path for path in folder.rglob("*") if path.is_file() and b"staple" in path.read_bytes()]
    assert secrets == []
    assert "staple" not in rest
    monkeypatch.setenv("PGPASSWORD", PASSWORD)  # as the docs say: the URL need not have it
    assert len(optuna.get_all_study_summaries(url.replace(f":{PASSWORD.replace(' ', '%20')}", ""))) == len(studies)
