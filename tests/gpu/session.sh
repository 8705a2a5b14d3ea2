#!/usr/bin/env bash
# bench on a machine with a GPU and no network: look, probe, tests, stacks, benchmark, main job. Run it in the root of a
# copy of the project; it leaves what it measured in $OUT (a file a stage, written as it goes; failed.txt says what
# failed).
#
#   tests/gpu/session.sh [--dry-run] [STAGE...]     stages: look probe tests stacked cohort main; none: look probe tests
#
# Where a machine is lent for half an hour, in commands of ten minutes at most, the first session is these four, which
# take 26 minutes together at the very most:
#
#   tests/gpu/session.sh look probe                 # 6.5 min: workspaces, overlap, joining, turns, rates, kernels, bfloat16
#   tests/gpu/session.sh tests                      # 6 min: is everything right? (believe no figure where it is not)
#   tests/gpu/session.sh stacked cohort             # 8 min: trainings a second and an hour
#   tests/gpu/session.sh main                       # 6 min: the main job on cuda, on 2 CPU workers, on auto
#
# A command or a stage that fails or exceeds its limit does not stop the others. --dry-run prints the commands, each with
# its limit in seconds, and runs none of them. What an image lacks travels as wheels in the ignored folder .whl/
# (docs/scaling.md says how to fill it).
#
# Settings: BENCH_SECONDS (for all stages together, 560), BENCH_ROUNDS (the benchmark's rounds, 1), BENCH_COHORTS and
# BENCH_STACKS (sizes, "32,128" and "64"), PYTHON (python3). No clocks, power limits or modes of the card are touched.
set -uo pipefail

[ -d .project ] && cd .project
[ -f bench/__init__.py ] || { echo "run me in the root of the project" >&2; exit 2; }
ROOT=$PWD
OUT=${OUT:-$ROOT/gpu-out}
PYTHON=${PYTHON:-python3}
END=${BENCH_SECONDS:-560} # of this script, in seconds since its start
STAGE_END=$END
LEAST=5 # a command for which fewer seconds are left is not begun
DRY=
[ "${1:-}" = --dry-run ] && { DRY=1; shift; }
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export PYTHONUNBUFFERED=1 MPLBACKEND=Agg
export BENCH_COHORTS=${BENCH_COHORTS:-32,128} BENCH_STACKS=${BENCH_STACKS:-64}
SITE=$WORK/site
export PYTHONPATH=$SITE:$ROOT
STAGES=("$@")
[ ${#STAGES[@]} -gt 0 ] || STAGES=(look probe tests)
FAILED=()

say() { printf '\n==== %s (%s s)\n' "$*" "$SECONDS"; }

failed() { # FILE TEXT
  FAILED+=("$1: $2")
  echo "** $2" | tee -a "$OUT/$1.txt"
  echo "$1: $2" >>"$OUT/failed.txt"
}

# run NAME SECONDS COMMAND...: its output in $OUT/NAME.txt too; it ends with its limit, its stage's or the script's
run() {
  local name=$1 limit=$2 what
  shift 2
  if [ -n "$DRY" ]; then echo "$limit s: $*"; return; fi
  [ "$limit" -le $((STAGE_END - SECONDS)) ] || limit=$((STAGE_END - SECONDS))
  what="$*"
  what=${what:0:90}
  if [ "$limit" -lt "$LEAST" ]; then failed "$name" "no time left for: $what"; return; fi
  timeout --kill-after=10 "$limit" "$@" 2>&1 | tee -a "$OUT/$name.txt"
  local rc=${PIPESTATUS[0]}
  [ "$rc" -eq 0 ] || failed "$name" "exit $rc of: $what"
}

# within SECONDS: what follows in this stage takes no longer
within() {
  if [ -n "$DRY" ]; then echo "within $1 s"; return; fi
  STAGE_END=$((SECONDS + $1))
  [ "$STAGE_END" -le "$END" ] || STAGE_END=$END
}

watch() { # GPU's clocks, power and load, once a second; nothing is set
  [ -n "$DRY" ] && return
  nvidia-smi dmon -s puc -d 1 >>"$OUT/dmon.txt" 2>/dev/null &
  WATCH=$!
}
unwatch() { [ -n "$DRY" ] || { kill "$WATCH" 2>/dev/null; wait "$WATCH" 2>/dev/null; }; }

look() {
  within 90
  run look 20 nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used,clocks.sm,clocks.mem,power.limit,compute_mode --format=csv
  run look 60 "$PYTHON" tests/gpu/look.py
  run look 30 "$PYTHON" -m bench --version
  run look 30 "$PYTHON" -m bench list models
}

probe() {
  within 300
  for case in head large; do run probe 60 "$PYTHON" tests/gpu/workspace.py "$case"; done
  for connections in 8 32; do run probe 60 env CUDA_DEVICE_MAX_CONNECTIONS="$connections" "$PYTHON" tests/gpu/probe.py overlap; done
  run probe 240 env CUDA_DEVICE_MAX_CONNECTIONS=32 "$PYTHON" tests/gpu/probe.py nodes turns joining rates kernels bfloat16 hidden_160
}

tests() {
  within 360
  # -p no:benchmark: with xdist there and warnings as errors, pytest-benchmark ends the session before it begins
  # -W default: of another version of a library than the pinned one, a warning is told and is no failure
  run tests 350 "$PYTHON" -m pytest -m gpu -n 0 -p no:benchmark -p no:cacheprovider -W default -v --durations=10 --junitxml="$OUT/tests.xml" \
    tests/bench/models/test_torch_learner.py tests/bench/measure/test_memory.py \
    tests/bench/executors/cohort/test_rate.py tests/bench/executors/cohort/test_gpu.py \
    tests/bench/executors/cohort/test_gpu_stacks.py
}

stacked() {
  within 240
  watch
  run stacked 230 "$PYTHON" tests/gpu/stacked.py
  unwatch
}

cohort() {
  within 240
  watch
  run cohort 230 "$PYTHON" tests/gpu/cohort.py
  unwatch
}

main() { # on the CPU with the two workers that the GPU is to be compared with
  within 340
  watch
  job cuda 120 --budget quick
  job auto 60 --budget smoke
  job cpu 220 --budget quick --workers 2 # last, as it takes longest: what it has recorded when it is ended is enough
  unwatch
  [ -n "$DRY" ] || tar -C "$WORK" -czf "$OUT/main.tgz" --exclude='*.html' results 2>/dev/null
}

job() { # DEVICE SECONDS FLAG...
  local device=$1 limit=$2 began=$SECONDS
  shift 2
  run main "$limit" "$PYTHON" -m bench run --models gru,lstm --device "$device" "$@" \
    --name "main-$device" --results "$WORK/results" --reports "$WORK/reports"
  [ -n "$DRY" ] || echo "main-$device: $((SECONDS - began)) s" | tee -a "$OUT/main.txt"
}

for stage in "${STAGES[@]}"; do
  case $stage in
    look | probe | tests | stacked | cohort | main) ;;
    *) echo "no such stage: $stage; expected look, probe, tests, stacked, cohort or main" >&2; exit 2 ;;
  esac
done

if [ -z "$DRY" ]; then
  mkdir -p "$OUT"
  mapfile -t wheels < <(find "$ROOT/.whl" "$ROOT/../.whl" -name '*.whl' 2>/dev/null | sort -u)
  if [ ${#wheels[@]} -gt 0 ]; then
    run wheels 120 "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$SITE" "${wheels[@]}"
  fi
fi
for stage in "${STAGES[@]}"; do
  say "$stage"
  "$stage"
done

say "done; what failed"
printf '%s\n' "${FAILED[@]:-nothing}"
[ ${#FAILED[@]} -eq 0 ]
