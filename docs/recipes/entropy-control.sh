#!/usr/bin/env bash
# Six policy losses on one toy task, eight seeds each: their entropy at equal reward, with intervals. Offline, on a CPU.
# Usage: docs/recipes/entropy-control.sh OUT [--seeds 8] [--processes 2]
# What is finished stays in OUT: a stopped command goes on, and more seeds add to fewer. Run it from the repository.
set -euo pipefail
out=${1:?usage: entropy-control.sh OUT [--seeds 8] [--processes 2]}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

OMP_NUM_THREADS=1 python "$root/tests/benchmarks/entropy_control.py" "$out" "${@:2}"

# Each run is an ordinary policy folder: its curves are in .rlbff/report/policy.html, its figures in metrics.
rlbff status "$out"/runs/*-1
