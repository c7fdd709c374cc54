#!/usr/bin/env bash
# From feedback to a measured reward model, offline, on a CPU: the chain of the README.
# Usage: docs/recipes/reward-model.sh FEEDBACK OUT
#
# Each stage waits for the folder that the stage before it prints. The rows that are scored at the end are those that
# training held out. `tiny` is a stand-in for a base model such as Qwen/Qwen3-4B.
set -euo pipefail
feedback=${1:?usage: reward-model.sh FEEDBACK OUT} out=${2:?usage: reward-model.sh FEEDBACK OUT}
mkdir -p "$out"

rlbff extract-principles "$feedback" --overwrite -o "$out/principles" |
  rlbff train-rm - --model tiny --overwrite -o "$out/rm" |
  rlbff score "$out/rm/held_out/test" --rm - --overwrite -o "$out/scores" |
  rlbff eval calibration - --overwrite -o "$out/calibration"

rlbff eval principle-pairs "$out/scores" --overwrite -o "$out/pairs"
rlbff eval sensitivity "$out/rm/held_out/test" --scores "rm:$out/rm" --overwrite -o "$out/sensitivity"

# The best response of each prompt by two of the principles together; pairs for preference training are made alike.
rlbff score "$out/rm/held_out/test" --rm "$out/rm" --principle "polite tone" --principle "use of examples" \
  --aggregate mean --output best-of-n --overwrite -o "$out/best"

echo "Held-out rows: what annotators say (label) and what the model thinks (p_yes)"
rlbff cat "$out/scores" --format table --columns principle,label,score,p_yes --limit 8
rlbff status "$out"/{principles,rm,scores,calibration,pairs,sensitivity,best}
