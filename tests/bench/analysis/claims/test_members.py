from __future__ import annotations

from pathlib import Path

from bench.analysis.claims.members import members


def test_parts_follow_their_experiment(tmp_path: Path) -> None:
    there = ["claims", "claims.depth1", "claims.width", "claims-smoke", "claims.width-smoke", "claimsother", "mine"]
    there += ["my-claims", "my-claims.width"]
    for name in there:
        (tmp_path / name).mkdir()
        (tmp_path / name / "records.jsonl").touch()
    assert members(["claims"], tmp_path) == ["claims", "claims.depth1", "claims.width"]
    assert members(["claims-smoke"], tmp_path) == ["claims-smoke", "claims.width-smoke"]
    assert members(["my-claims", "mine"], tmp_path) == ["my-claims", "my-claims.width", "mine"]
    assert members(["absent"], tmp_path) == ["absent"]
