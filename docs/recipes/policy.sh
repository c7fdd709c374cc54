#!/usr/bin/env bash
# Prompts and rewards -> policies under CE-GPPO and under GRPO -> what they learned.
# Usage: docs/recipes/policy.sh PROMPTS TASKS RM OUT [OPTION...]     options go to every training
#
# Proves   That a policy learns from a reward model of ours and a check together, without seeing the principle (RLBFF,
#          arXiv 2509.21319), and from programs that the sandbox runs; that CE-GPPO (arXiv 2509.20712) and GRPO can be
#          compared on the same tasks, before and after, with paired intervals. Which is better, one seed does not say.
# Costs    sample_data: 90 seconds on 2 cores. Real data: 500 updates of 128 completions of 1,000 tokens are 6.4e7 tokens,
#          for a 0.6B model about 10 minutes of training on one H100 (estimate: 6 x parameters x tokens at 40 % of 989
#          TFLOP/s), and several times that for sampling, which the first generation's tokens/s tell.
# Expect   sample_data: the reward rises from -0.9 to 2.0; of programs .004 pass all tests before, .66 [.38, .90] after GRPO, .50
#          [.13, .88] after CE-GPPO, difference -.16 [-.39, .06]. The paper, 1.5B: mean of five maths benchmarks 45.2 before,
#          49.1 with GRPO, 54.9 with CE-GPPO; 7B: 60.8, 60.5, 67.5; without seeds or intervals.
#
# PROMPTS name the principle that RM judges by, TASKS hold tests. `tiny` is a stand-in for a base such as Qwen/Qwen3-0.6B,
# whose learning rate is a thousandth and whose completions are longer: MODEL=Qwen/Qwen3-0.6B policy.sh ... --generations 500
set -euo pipefail
usage='usage: policy.sh PROMPTS TASKS RM OUT [OPTION...]'
prompts=${1:?$usage} tasks=${2:?$usage} rm=${3:?$usage} out=${4:?$usage} options=("${@:5}")
model=${MODEL:-tiny}              # base: hub id or folder
new_tokens=${NEW_TOKENS:-1024}    # longest program, in tokens; tiny writes one
advice=() code=()
if [[ $model == tiny ]]; then
  toy=(--prompts-per-update 4 --warmup 0 --weight-decay 0)
  advice=("${toy[@]}" --allow-demo-rm --prompts-per-generation 16 --generations 10 --group-size 12 --max-new-tokens 6
    --learning-rate 4e-3)
  code=("${toy[@]}" --prompts-per-generation 8 --prompts-per-update 2 --generations 16 --group-size 32
    --learning-rate 1e-3 --dynamic-sampling off)
  new_tokens=1
fi
mkdir -p "$out"

# A reward model, which judges by each row's principle (the policy never sees it), and a check that asks for plain letters.
rlbff train-policy "$prompts" --model "$model" --reward "rm:$rm" --reward 'check:regex:"^[A-Za-z ,.!?]+$"@2' \
  "${advice[@]}" "${options[@]}" --overwrite -o "$out/advice"

# The share of tests that a program passes in the sandbox, under two losses.
for preset in grpo ce-gppo; do
  rlbff train-policy "$tasks" --model "$model" --reward code: --preset "$preset" --max-new-tokens "$new_tokens" \
    "${code[@]}" "${options[@]}" --overwrite -o "$out/$preset"
done

# Programs that pass every test: before the first update, and then those of either policy on the same tasks.
rlbff eval avg-at-k "$out/ce-gppo/rollouts/part-00000.parquet" --k 1 --overwrite -o "$out/before"
measure() {
  rlbff eval avg-at-k "$tasks" --reward code: --samples 16 --k 1 --max-new-tokens "$new_tokens" --policy-temperature 1 \
    --overwrite "$@"
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
