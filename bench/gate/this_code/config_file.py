"""The project's own file that a baseline's experiment was read from: has it changed since?

A check trains the experiment of the baseline's manifest. Who edits the file expects another experiment, and a check
that went on would say "as good" of settings that it never looked at.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.files import read_config
from bench.config.given import convert_option
from bench.config.options import keys_deciding
from bench.gate.baseline import Baseline, record_command
from bench.gate.errors import NotComparable
from tasks.errors import UserError

TRAINING = frozenset({*keys_deciding("outcome", "table"), "budget"})  # a budget has steps for what names none


@dataclass(frozen=True)
class ConfigFile:
    """path: as `--config` gave it, or relative to the current folder if it is inside. settings: what it said when the
    baseline was recorded, of what decides how cells train. flags: options that the command gave in its place."""

    path: str
    settings: Mapping[str, Any]
    flags: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str, flags: Iterable[str]) -> ConfigFile:
        """Read what the file says now. UserError if it cannot be read."""
        inside = Path(path).resolve().is_relative_to(Path.cwd())
        path = os.path.relpath(path) if inside else path
        names = tuple(sorted(flags))
        return cls(path, _settings(path, names), names)

    @classmethod
    def of(cls, content: Mapping[str, Any] | None) -> ConfigFile | None:
        """From a manifest; None for a baseline of a recipe, or of an earlier bench."""
        return None if not content else cls(content["path"], content["settings"], tuple(content["flags"]))

    def with_flags(self, flags: Iterable[str]) -> ConfigFile:
        """The same file for a recording in which these options are given otherwise, too."""
        names = tuple(sorted({*self.flags, *flags}))
        settings = {key: value for key, value in self.settings.items() if key not in names}
        return ConfigFile(self.path, settings, names)

    def change(self) -> str | None:
        """What the file says now and did not when the baseline was recorded; None if nothing, or if it is gone.

        UserError if it cannot be read.
        """
        if not Path(self.path).is_file():
            return None
        now = _settings(self.path, self.flags)
        changed = [
            f"{key} {_said(now, key)} (recorded: {_said(self.settings, key)})"
            for key in sorted(now.keys() | self.settings.keys())
            if _value(now, key) != _value(self.settings, key)
        ]
        return f"{self.path} now says {', '.join(changed)}" if changed else None


def refuse_changed_file(baseline: Baseline, folder: str | Path) -> None:
    """Raise NotComparable if the file of the baseline's experiment is there and says something else."""
    config = ConfigFile.of(baseline.config)
    if config is None:
        return
    try:
        change = config.change()
    except UserError as error:
        change = f"the file of its experiment cannot be read: {error}"
    if change:
        again = record_command(folder, experiment=f"--config {shlex.quote(config.path)}")
        raise NotComparable(f"{change}: restore the file, or record the baseline again with {again}")


def _settings(path: str, flags: Iterable[str]) -> dict[str, Any]:
    """What decides how cells train, as JSON: a baseline keeps it."""
    given = {key: value for key, value in read_config(path).items() if key in TRAINING and key not in flags}
    if given.get("steps") is not None or given.get("epochs") is not None:
        given.pop("budget", None)
    plain: dict[str, Any] = json.loads(json.dumps(given, default=str))
    return plain


def _value(settings: Mapping[str, Any], key: str) -> Any:
    return convert_option(key, settings.get(key))


def _said(settings: Mapping[str, Any], key: str) -> str:
    value = settings.get(key)
    if value is None:
        return "not set"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
