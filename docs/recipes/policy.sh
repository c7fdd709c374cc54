#!/usr/bin/env bash
# From prompts and rewards to policies, and what they learned, offline, on a CPU.
# Usage: docs/recipes/policy.sh PROMPTS TASKS RM OUT
# PROMPTS name the principle that RM judges by, TASKS hold tests. `tiny` is a stand-in for a base such as Qwen/Qwen3-0.6B,
# for which you would leave out all that stands in `tiny` here.
set -euo pipefail
usage='usage: policy.sh PROMPTS TASKS RM OUT'
prompts=${1:?$usage} tasks=${2:?$usage} rm=${3:?$usage} out=${4:?$usage}
tiny=(--model tiny --prompts-per-generation 16 --prompts-per-update 4 --warmup 0 --weight-decay 0)
mkdir -p "$out"

# A reward model, which judges by each row's principle (the policy never sees it), and a check that asks for plain letters.
rlbff train-policy "$prompts" --reward "rm:$rm" --allow-demo-rm --reward 'check:regex:"^[A-Za-z ,.!?]+$"@2' \
  "${tiny[@]}" --generations 10 --group-size 12 --max-new-tokens 6 --learning-rate 4e-3 --overwrite -o "$out/advice"

# The share of tests that a program passes in the sandbox, under two losses. A program here is one token.
for preset in grpo ce-gppo; do
  rlbff train-policy "$tasks" --reward code: --preset "$preset" "${tiny[@]}" --prompts-per-generation 8 \
    --prompts-per-update 2 --generations 16 --group-size 24 --max-new-tokens 1 --learning-rate 1.5e-3 \
    --dynamic-sampling off --overwrite -o "$out/$preset"
done

# Programs that pass every test: before the first update, and then those of either policy on the same tasks.
rlbff eval avg-at-k "$out/ce-gppo/rollouts/part-00000.parquet" --k 1 --overwrite -o "$out/before"
measure() {
  rlbff eval avg-at-k "$tasks" --reward code: --samples 16 --max-new-tokens 1 --policy-temperature 1 --overwrite "$@"
}
measure --policy "$out/grpo" -o "$out/measured-grpo"
measure --policy "$out/ce-gppo" --against "$out/measured-grpo/.rlbff/completions" -o "$out/measured-ce-gppo"

echo "Reward of the policy under the reward model and the check, by optimiser steps made"
rlbff cat "$out/advice" --where "metric == 'reward'" --columns step,value,n --format table
rlbff status "$out"/{advice,grpo,ce-gppo,before,measured-grpo,measured-ce-gppo}
echo "To look at: $out/advice/.rlbff/report/policy.html, $out/ce-gppo/.rlbff/report/policy.html"
