#!/usr/bin/env bash
# bench on a machine with a GPU and no network: look, probe, tests, stacks, benchmark, main job. Run it in the root of a
# copy of the project; it leaves what it measured in $OUT (a file a stage).
#
#   tests/gpu/session.sh [--dry-run] [STAGE...]     stages: look probe tests stacked cohort main; none: look probe tests
#
# --dry-run prints the commands and runs none of them. What an image lacks travels as wheels in the ignored folder .whl/
# (docs/scaling.md says how to fill it). Each stage takes up to ten minutes.
#
# Settings: BENCH_ROUNDS (the benchmark's rounds, 1), BENCH_COHORTS and BENCH_STACKS (sizes, "16,64,128"), PYTHON
# (python3). No clocks, power limits or modes of the card are touched.
set -uo pipefail

[ -d .project ] && cd .project
[ -f bench/__init__.py ] || { echo "run me in the root of the project" >&2; exit 2; }
ROOT=$PWD
OUT=${OUT:-$ROOT/gpu-out}
PYTHON=${PYTHON:-python3}
DRY=
[ "${1:-}" = --dry-run ] && { DRY=1; shift; }
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export PYTHONUNBUFFERED=1 MPLBACKEND=Agg
SITE=$WORK/site
export PYTHONPATH=$SITE:$ROOT
STAGES=("$@")
[ ${#STAGES[@]} -gt 0 ] || STAGES=(look probe tests)
FAILED=()

say() { printf '\n==== %s (%s s)\n' "$*" "$SECONDS"; }

# run NAME SECONDS COMMAND...: with a limit, its output in $OUT/NAME.txt too
run() {
  local name=$1 limit=$2
  shift 2
  if [ -n "$DRY" ]; then echo "$*"; return; fi
  timeout --kill-after=10 "$limit" "$@" 2>&1 | tee -a "$OUT/$name.txt"
  local rc=${PIPESTATUS[0]}
  local what="$*"
  [ "$rc" -eq 0 ] || { FAILED+=("$name: exit $rc of: ${what:0:90}"); echo "** exit $rc"; }
}

watch() { # GPU's clocks, power and load, once a second; nothing is set
  [ -n "$DRY" ] && return
  nvidia-smi dmon -s puc -d 1 >>"$OUT/dmon.txt" 2>/dev/null &
  WATCH=$!
}
unwatch() { [ -n "$DRY" ] || { kill "$WATCH" 2>/dev/null; wait "$WATCH" 2>/dev/null; }; }

look() {
  run look 20 nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used,clocks.sm,clocks.mem,power.limit,compute_mode --format=csv
  run look 60 "$PYTHON" tests/gpu/look.py
  run look 30 "$PYTHON" -m bench --version
  run look 60 "$PYTHON" -m bench list models
}

probe() {
  for case in head large; do run probe 60 "$PYTHON" tests/gpu/workspace.py "$case"; done
  for connections in 8 32; do run probe 60 env CUDA_DEVICE_MAX_CONNECTIONS="$connections" "$PYTHON" tests/gpu/probe.py overlap; done
  run probe 240 env CUDA_DEVICE_MAX_CONNECTIONS=32 "$PYTHON" tests/gpu/probe.py
}

tests() {
  # -p no:benchmark: with xdist there and warnings as errors, pytest-benchmark ends the session before it begins
  run tests 480 "$PYTHON" -m pytest -m gpu -n 0 -p no:benchmark -p no:cacheprovider -v --durations=10 --junitxml="$OUT/tests.xml" \
    tests/bench/models/test_torch_learner.py tests/bench/measure/test_memory.py \
    tests/bench/executors/cohort/test_rate.py tests/bench/executors/cohort/test_gpu.py \
    tests/bench/executors/cohort/test_gpu_stacks.py
}

stacked() {
  watch
  run stacked 560 "$PYTHON" tests/gpu/stacked.py
  unwatch
}

cohort() {
  watch
  run cohort 560 "$PYTHON" tests/gpu/cohort.py
  unwatch
}

main() {
  watch
  local device name began
  for device in cuda cpu auto; do
    name=main-$device
    say "bench run --models gru,lstm --device $device"
    began=$SECONDS
    run main 240 "$PYTHON" -m bench run --models gru,lstm --device "$device" --budget "$([ $device = auto ] && echo smoke || echo quick)" \
      --name "$name" --results "$WORK/results" --reports "$WORK/reports"
    [ -n "$DRY" ] || echo "$name: $((SECONDS - began)) s" | tee -a "$OUT/main.txt"
  done
  unwatch
  [ -n "$DRY" ] || tar -C "$WORK" -czf "$OUT/main.tgz" --exclude='*.html' results 2>/dev/null
}

for stage in "${STAGES[@]}"; do
  case $stage in
    look | probe | tests | stacked | cohort | main) ;;
    *) echo "no such stage: $stage; expected look, probe, tests, stacked, cohort or main" >&2; exit 2 ;;
  esac
done

if [ -z "$DRY" ]; then
  mkdir -p "$OUT"
  wheels=$(find "$ROOT/.whl" "$ROOT/../.whl" -name '*.whl' 2>/dev/null | sort -u)
  if [ -n "$wheels" ]; then
    # shellcheck disable=SC2086
    "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$SITE" $wheels || exit 3
  fi
fi
for stage in "${STAGES[@]}"; do
  say "$stage"
  "$stage"
done

say "done; what failed"
printf '%s\n' "${FAILED[@]:-nothing}"
[ ${#FAILED[@]} -eq 0 ]
