#!/usr/bin/env bash
# From prompts and rewards to policies, and what they learned, offline, on a CPU.
# Usage: docs/recipes/policy.sh PROMPTS TASKS RM OUT [OPTION...]
# PROMPTS name the principle that RM judges by, TASKS hold tests; options go to every training. `tiny` is a stand-in for a
# base such as Qwen/Qwen3-0.6B, whose learning rate is a thousandth and whose completions are longer.
set -euo pipefail
usage='usage: policy.sh PROMPTS TASKS RM OUT [OPTION...]'
prompts=${1:?$usage} tasks=${2:?$usage} rm=${3:?$usage} out=${4:?$usage}
tiny=(--model tiny --prompts-per-generation 16 --prompts-per-update 4 --warmup 0 --weight-decay 0)
options=("${@:5}")
mkdir -p "$out"

# A reward model, which judges by each row's principle (the policy never sees it), and a check that asks for plain letters.
rlbff train-policy "$prompts" --reward "rm:$rm" --allow-demo-rm --reward 'check:regex:"^[A-Za-z ,.!?]+$"@2' \
  "${tiny[@]}" --generations 10 --group-size 12 --max-new-tokens 6 --learning-rate 4e-3 --overwrite \
  "${options[@]}" -o "$out/advice"

# The share of tests that a program passes in the sandbox, under two losses. A program here is one token.
for preset in grpo ce-gppo; do
  rlbff train-policy "$tasks" --reward code: --preset "$preset" "${tiny[@]}" --prompts-per-generation 8 \
    --prompts-per-update 2 --generations 16 --group-size 32 --max-new-tokens 1 --learning-rate 1e-3 \
    --dynamic-sampling off --overwrite "${options[@]}" -o "$out/$preset"
done

# Programs that pass every test: before the first update, and then those of either policy on the same tasks.
rlbff eval avg-at-k "$out/ce-gppo/rollouts/part-00000.parquet" --k 1 --overwrite -o "$out/before"
measure() {
  rlbff eval avg-at-k "$tasks" --reward code: --samples 16 --k 1 --max-new-tokens 1 --policy-temperature 1 --overwrite "$@"
}
measure --policy "$out/grpo" -o "$out/measured-grpo"
measure --policy "$out/ce-gppo" --against "$out/measured-grpo/.rlbff/completions" -o "$out/measured-ce-gppo"

echo "Reward of the policy under the reward model and the check, by optimiser steps made"
rlbff cat "$out/advice" --where "metric in ('reward', 'reward.rm', 'reward.check') and step in (0, 12, 24, 36)" \
  --columns step,metric,value --format table
echo "Share of programs that pass every test: before, after GRPO, after CE-GPPO with their difference"
for name in before measured-grpo measured-ce-gppo; do
  rlbff cat "$out/$name" --where "metric like 'avg@%'" --columns metric,value,low,high --format table
done
rlbff status "$out"/{advice,grpo,ce-gppo,before,measured-grpo,measured-ce-gppo}
echo "To look at: $out/advice/.rlbff/report/policy.html, $out/ce-gppo/.rlbff/report/policy.html"
