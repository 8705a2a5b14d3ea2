"""A Dask cluster of processes gives the results of one machine, whatever happens to its workers."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Notes, outcomes, progress, records, start, workers_of

from bench.config.resolve import resolve
from bench.executors.dask_cluster.executor import DaskExecutor, pack
from bench.experiment.run import run
from tasks.errors import UserError

pytestmark = [pytest.mark.slow, pytest.mark.storm]
MADE = ("--models", "linear,faulty[how=none],gru", "--trials", "6", "--replicates", "4")


class Cluster:
    """A scheduler and workers, each in a process of its own."""

    def __init__(
        self, folder: Path, leave: contextlib.ExitStack, protocol: str = "tcp", tls: tuple[str, ...] = ()
    ) -> None:
        self._protocol, self._tls = protocol, tls
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._folder, self._leave = folder, leave
        host, port = self.address.split(":")
        place = ("--host", host, "--port", port, "--protocol", protocol)
        self._start("scheduler", *place, *tls, until="Scheduler at:")

    def add_worker(self, **environment: str) -> subprocess.Popen[str]:
        flags = ("--nthreads", "1", "--local-directory", str(self._folder / "dask"), *self._tls)
        return self._start(
            "worker", f"{self._protocol}://{self.address}", *flags, until="Registered to:", **environment
        )

    def _start(self, kind: str, *flags: str, until: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *flags, "--no-dashboard"],
            cwd=self._folder,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._leave.callback(_end, process)
        assert process.stderr is not None
        assert any(until in line for line in process.stderr)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with contextlib.ExitStack() as leave:
        yield Cluster(tmp_path, leave)


def train_locally(folder: Path) -> dict[tuple[Any, ...], str]:
    folder.mkdir()
    process = start(folder, *MADE, "--workers", "2")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return outcomes(records(folder))


def test_a_cluster_gives_the_records_of_one_machine_though_a_worker_is_killed_and_one_joins(
    cluster: Cluster, tmp_path: Path
) -> None:
    expected = train_locally(tmp_path / "local")
    first, second = cluster.add_worker(), cluster.add_worker()
    folder = tmp_path / "remote"
    folder.mkdir()
    with start(folder, *MADE, "--executor", f"dask://{cluster.address}") as process:
        told = progress(process)
        for _ in range(10):
            next(told)
        (victim,) = workers_of(second.pid)
        os.kill(victim, 9)
        cluster.add_worker()
        first.terminate()
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait() == 0, rest
    assert outcomes(records(folder)) == expected


def test_a_training_that_hangs_is_ended_and_one_that_kills_its_worker_fails_alone(
    cluster: Cluster, tmp_path: Path, toy_plugin: str
) -> None:
    cluster.add_worker()
    cluster.add_worker()
    models = ["faulty[how=hang]", "faulty[how=die]", "faulty", "linear"]
    base = {
        "plugins": [toy_plugin],
        "tasks": ["toy"],
        "models": models,
        "budget": "smoke",
        "trials": 1,
        "replicates": 1,
        "name": "e",
    }
    where = {"results": str(tmp_path / "results"), "executor": f"dask://{cluster.address}", "timeout": 20.0}
    run(resolve({**base, **where}))
    found = {r["model"]["label"]: r for r in records(tmp_path) if r["stage"] == "trial"}
    assert {label: r["status"] for label, r in found.items()} == {
        "faulty[how=hang]": "timeout",
        "faulty[how=die]": "failed",
        "faulty": "failed",
        "linear": "ok",
    }
    assert re.search(
        r"/bench-[0-9a-f]{16}/bench/training/jobs.py", found["faulty"]["traceback"]
    )  # the package that travelled
    assert "KilledWorker" in found["faulty[how=die]"]["error"]


def test_workers_of_another_version_are_refused_before_the_first_training(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.executors.dask_cluster import bootstrap as dask_bootstrap

    cluster.add_worker()
    own = dask_bootstrap.versions()
    executor = DaskExecutor(f"dask://{cluster.address}", [], Notes().note)
    executor.close()
    expected = {**own, "torch": "1.0"}
    monkeypatch.setattr("bench.executors.dask_cluster.executor.own_versions", lambda bootstrap: expected)
    refusal = rf"Dask worker tcp://\S+ has torch {re.escape(str(own['torch']))}, this machine 1.0: install the same"
    with pytest.raises(UserError, match=refusal):
        DaskExecutor(f"dask://{cluster.address}", [], Notes().note)


def test_where_no_scheduler_answers_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.executors.dask_cluster.executor.CONNECT_SECONDS", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=rf"no Dask scheduler answers at dask://127.0.0.1:{port}"):
        DaskExecutor(f"dask://127.0.0.1:{port}", [], Notes().note)


def make_certificates(folder: Path) -> dict[str, str]:
    """An authority of the test's own, and one certificate of it, as docs/scaling.md makes them."""
    openssl = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    for arguments in (
        [*openssl, "-x509", "-days", "2", "-subj", "/CN=test-ca", "-keyout", "ca-key.pem", "-out", "ca.pem"],
        [*openssl, "-subj", "/CN=test", "-keyout", "key.pem", "-out", "request.pem"],
        [
            *("openssl", "x509", "-req", "-days", "2", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem"),
            *("-CAcreateserial", "-out", "cert.pem"),
        ],
    ):
        subprocess.run(arguments, cwd=folder, check=True, capture_output=True)
    return {name: str(folder / f"{name}.pem") for name in ("ca", "cert", "key")}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with openssl")
def test_a_cluster_with_certificates_lets_in_who_has_one_and_nobody_else(
    tmp_path: Path, toy_plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    files, foreign = make_certificates(ours), make_certificates(theirs)
    flags = ("--tls-ca-file", files["ca"], "--tls-cert", files["cert"], "--tls-key", files["key"])
    monkeypatch.setattr("bench.executors.dask_cluster.executor.CONNECT_SECONDS", 3)

    def configured(named: dict[str, str]) -> Any:
        places = {"ca": "ca-file", "cert": "client.cert", "key": "client.key"}
        return dask.config.set({f"distributed.comm.tls.{place}": named.get(name) for name, place in places.items()})

    with contextlib.ExitStack() as leave:
        cluster = Cluster(tmp_path, leave, "tls", flags)
        cluster.add_worker()
        with configured(files):
            made = {"plugins": [toy_plugin], "tasks": ["toy"], "models": ["linear"], "budget": "smoke", "name": "e"}
            where = {"results": str(tmp_path / "results"), "executor": f"dask+tls://{cluster.address}"}
            assert run(resolve({**made, **where, "trials": 1})).failures == 0
        with configured(foreign), pytest.raises(UserError, match=r"no Dask scheduler answers .* certificates"):
            DaskExecutor(f"dask+tls://{cluster.address}", [], Notes().note)
        with pytest.raises(UserError, match="no Dask scheduler answers"):
            DaskExecutor(f"dask://{cluster.address}", [], Notes().note)
        with configured({}), pytest.raises(UserError, match="needs DASK_DISTRIBUTED__COMM__TLS__CA_FILE"):
            DaskExecutor(f"dask+tls://{cluster.address}", [], Notes().note)


def test_the_package_that_travels_is_whole_and_holds_the_plug_ins(toy_plugin: str) -> None:
    import io
    import zipfile

    from bench.executors.dask_cluster.executor import ROOT

    content, digest = pack(ROOT, [toy_plugin])
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert {"bench/training/train.py", "tasks/sine.py", "plugins/toy.py"} <= set(names)
    assert any(name.startswith("tasks/data/") for name in names)
    assert not any("__pycache__" in name for name in names)
    assert pack(ROOT, [toy_plugin])[1] == digest
    assert pack(ROOT, [])[1] != digest
