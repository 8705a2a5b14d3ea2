"""The environment is complete, names nobody, and its fingerprint follows what can change numbers."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.measure import environment
from bench.measure.environment import describe, fingerprint


def test_versions_and_threads_are_those_of_this_process() -> None:
    described = describe()
    assert described["python"] == platform.python_version()
    assert described["packages"]["numpy"] == np.__version__
    assert described["packages"]["torch"] == torch.__version__
    assert described["threads"] == torch.get_num_threads()
    assert described["isa"] == torch.backends.cpu.get_cpu_capability()
    assert described["cores"] >= 1
    assert described["numpy_blas"]
    assert (described["gpu"] is None) == (not torch.cuda.is_available())


def texts(value: object) -> list[str]:
    """All strings in a nested dict, its keys aside."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    return [value] if isinstance(value, str) else []


def test_it_is_json_and_names_no_host_or_folder() -> None:
    described = describe()
    assert json.loads(json.dumps(described)) == described
    found = texts(described)
    assert platform.node() not in found
    for folder in (Path.home(), Path(environment.__file__).parents[2], Path(np.__file__).parent):
        assert not any(str(folder) in text for text in found if folder != Path("/"))
    hardware = {described["cpu"], described["gpu"]}  # whose names may have a slash
    assert not any("/" in text for text in found if text not in hardware)


def test_allocator_settings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.ALLOCATOR_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    plain = describe()
    assert plain["allocator"] == {}
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    tuned = describe()
    assert tuned["allocator"] == {"MALLOC_TRIM_THRESHOLD_": "1000000"}
    assert fingerprint(tuned) == fingerprint(plain)  # it changes times, not numbers


def test_a_kernel_that_was_chosen_is_kept_and_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.KERNEL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    plain = describe()
    assert plain["kernels"] == {}
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    chosen = describe()
    assert chosen["kernels"] == {"OPENBLAS_CORETYPE": "Haswell"}
    assert fingerprint(chosen) != fingerprint(plain)
    older = {key: value for key, value in plain.items() if key != "kernels"}
    assert fingerprint(older) == fingerprint(plain)  # of before it was kept


@pytest.mark.parametrize("key", environment.NUMERIC)
def test_the_fingerprint_follows_what_can_change_numbers(key: str) -> None:
    described = describe()
    assert len(fingerprint(described)) == 12
    assert fingerprint(dict(reversed(described.items()))) == fingerprint(described)
    assert fingerprint({**described, key: "something else"}) != fingerprint(described)
    assert fingerprint({**described, "commit": "something else", "os": "another"}) == fingerprint(described)


def test_with_a_gpu_its_driver_and_settings_count_and_without_one_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu = {**describe(), "gpu": None, "driver": None, "gpu_settings": None}
    older = {key: value for key, value in on_cpu.items() if key not in ("driver", "gpu_settings")}
    assert fingerprint(on_cpu) == fingerprint(older)  # of before they were kept
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(environment, "driver_version", lambda: "580.65")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:2")
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    found = describe()
    assert (found["driver"], found["gpu_settings"]) == ("580.65", {"CUBLAS_WORKSPACE_CONFIG": ":4096:2"})
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    overridden = describe()
    newer = {**found, "driver": "590.1"}
    assert len({fingerprint(each) for each in (on_cpu, found, overridden, newer)}) == 4


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_is_that_of_the_codes_own_checkout(tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    source = tmp_path / "bench" / "code.py"
    source.parent.mkdir()
    installed.mkdir()
    source.write_text("1\n")
    git(tmp_path, "init", "--quiet")
    assert environment._commit(tmp_path) is None  # no commit yet
    git(tmp_path, "add", "bench")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert environment._commit(tmp_path) == commit
    assert environment._commit(installed) is None  # inside somebody else's checkout
    source.write_text("2\n")
    assert environment._commit(tmp_path) == f"{commit}+changes"


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-package-here"))
    assert describe()["packages"] == {"numpy": np.__version__, "no-such-package-here": None}
