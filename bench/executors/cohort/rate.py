"""How fast a device trains when trainings share it: what `--device auto` compares with the CPU's workers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from bench.executors.cohort.device import Device
from bench.executors.cohort.size import FIRST
from bench.models.stepper import Stepper
from bench.training.data import load_data
from bench.training.jobs import is_out_of_memory
from bench.training.request import Training
from bench.training.train import build_learner, plan_of

SECONDS = 0.5  # of steps, after a first round of them


def cohort_rate(training: Training, device: Device) -> tuple[float, int]:
    """(optimiser steps a second of all together, how many trainings there were), with evaluations as in a run.

    As many as a cohort begins with; fewer where memory does not suffice, one where they can't share the device.
    """
    from bench.models.torch_learner.shared import MustBeAlone

    members = FIRST
    while True:
        try:
            return _rate(training, device, members), members
        except MustBeAlone:
            members = 1
        except Exception as error:
            if not is_out_of_memory(error) or members == 1:
                raise
            members //= 2


def _rate(training: Training, device: Device, members: int) -> float:
    dataset = load_data(training.task, training.seed, training.replicate)
    opener = device.stepper_opener(alone=members == 1)
    sharing: list[tuple[Any, Stepper]] = []
    try:
        for replicate in range(1, members + 1):
            member, stream = replace(training, replicate=replicate), device.new_stream()
            plan = plan_of(member, dataset)
            with device.stream(stream):
                sharing.append((stream, opener(build_learner(member, dataset), plan)))
        _round(device, sharing, training.interval)
        rounds, seconds, began = 0, 0.0, time.perf_counter()
        while seconds < SECONDS:
            _round(device, sharing, training.interval)
            rounds, seconds = rounds + 1, time.perf_counter() - began
        return rounds * members * training.interval / seconds
    finally:
        for stream, stepper in sharing:
            with device.stream(stream):
                stepper.close()


def _round(device: Device, sharing: list[tuple[Any, Stepper]], steps: int) -> None:
    """Each one's steps up to its next evaluation, and that."""
    for stream, stepper in sharing:
        with device.stream(stream):
            for _ in range(steps):
                stepper.step()
            stepper.ask()
    for stream, stepper in sharing:
        with device.stream(stream):
            stepper.answer()
