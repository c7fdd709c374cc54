#!/usr/bin/env bash
# From programs with tests to training data, offline: verdicts, how good each keep rule is, data to train on, control arms.
# Usage: docs/recipes/verified-code.sh PROGRAMS OUT
# Programs run in the sandbox, in which nothing is installed and nothing can be reached.
set -euo pipefail
programs=${1:?usage: verified-code.sh PROGRAMS OUT} out=${2:?usage: verified-code.sh PROGRAMS OUT}
mkdir -p "$out"

rlbff verify-code "$programs" --keep consensus --strength --overwrite -o "$out/verdicts" |
  rlbff eval verification - --overwrite -o "$out/verification"
rlbff eval pass-at-k "$out/verdicts" --map correct=truth --k 1,2,4 --overwrite -o "$out/pass-at-k"

rlbff verify-code "$programs" --keep consensus --keep-distinct 2 --output kept --overwrite -o "$out/train"
for arm in correct incorrect; do
  rlbff verify-code "$programs" --arm "$arm" --output kept --overwrite -o "$out/arm-$arm"
done

rlbff cat "$out/verdicts" --format table --columns id,passed,total,consensus,kept,truth --limit 10
rlbff status "$out"/{verdicts,verification,pass-at-k,train,arm-correct,arm-incorrect}
