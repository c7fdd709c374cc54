#!/usr/bin/env bash
# Feedback -> principles -> an entailment reward model and a matched Bradley-Terry one -> benchmarks.
# Usage: docs/recipes/reward-model.sh FEEDBACK OUT [OPTION...]     options go to both trainings
#
# Proves   The claim of RLBFF (arXiv 2509.21319) that can be tested here: of two models from one base, trained on the same
#          conversations in as many updates, the one that is told the principle orders held-out responses better.
# Costs    sample_data: 3 to 4 minutes on 2 cores. Real data, estimates: HelpSteer3 has about 245,000 feedbacks, one LLM
#          call each, about 400 tokens in and 150 out; its 34,000 kept principles on about 27,000 responses of 1,000 tokens
#          are 2.7e7 tokens, for a 4B model half an hour on one H100 (6 x parameters x tokens, at 40 % of 989 TFLOP/s), and
#          about as much for the baseline.
# Expect   sample_data: accuracy .83 [.79, .86] and AUROC .90 on held-out rows; on pairs of held-out responses .90 [.86, .95]
#          for entailment, .68 [.61, .74] for Bradley-Terry, difference .22 [.15, .29]. Rows are composed with planted
#          phrases, so the size of the difference says nothing of real feedback. The paper, with 70B models, as read by
#          others: RM-Bench 83.6 against 78.5, JudgeBench 76.3 against 68.9.
#
# For real data set, for instance: MODEL=Qwen/Qwen3-4B LLM=http://localhost:8000/v1 RM_BENCH=total_dataset.json
set -euo pipefail
usage='usage: reward-model.sh FEEDBACK OUT [OPTION...]'
feedback=${1:?$usage} out=${2:?$usage} options=("${@:3}")
model=${MODEL:-tiny}            # base of both models: hub id or folder
llm=${LLM:-rules}               # extractor: URL, local:MODEL, or the built-in rules
pairs=${PAIRS:-fulfilment}      # what Bradley-Terry compares: fulfilment, principle, preference
rm_bench=${RM_BENCH:-}          # RM-Bench's total_dataset.json, to measure both models on it
judgebench=${JUDGEBENCH:-}      # likewise JudgeBench's outputs
# Pairs and principles pack differently, so that as many updates take other steps: scale by the tokens that the runs tell.
step_tokens=${BT_STEP_TOKENS:-}
if [[ $model == tiny ]]; then step_tokens=${step_tokens:-2460}; fi
mkdir -p "$out"

# Each command waits for the folder that the one before it prints. The rows scored are those that training held out.
rlbff extract-principles "$feedback" --llm "$llm" --overwrite -o "$out/principles" |
  rlbff train-rm - --model "$model" "${options[@]}" --overwrite -o "$out/rm" |
  rlbff score "$out/rm/held_out/test" --rm - --overwrite -o "$out/scores" |
  rlbff eval calibration - --overwrite -o "$out/calibration"

# The baseline: same base, same principle rows, and by the same seed the same conversations held out.
rlbff train-rm "$out/principles" --model "$model" --objective bradley-terry --pairs "$pairs" \
  ${step_tokens:+--step-tokens "$step_tokens"} "${options[@]}" --overwrite -o "$out/bradley-terry"

# Both models on the same held-out pairs, and on published benchmarks where they are given.
both=(--scores "rm:$out/rm" --against "rm:$out/bradley-terry" --overwrite)
rlbff eval principle-pairs "$out/rm/held_out/test" "${both[@]}" -o "$out/pairs"
if [[ -n $rm_bench ]]; then rlbff eval rm-bench "$rm_bench" "${both[@]}" -o "$out/rm-bench"; fi
if [[ -n $judgebench ]]; then rlbff eval judgebench "$judgebench" "${both[@]}" -o "$out/judgebench"; fi
rlbff eval sensitivity "$out/rm/held_out/test" --scores "rm:$out/rm" --overwrite -o "$out/sensitivity"

# The best response of each prompt by two of the principles together; pairs for preference training are made alike.
rlbff score "$out/rm/held_out/test" --rm "$out/rm" --principle "polite tone" --principle "use of examples" \
  --aggregate mean --output best-of-n --overwrite -o "$out/best"

echo "Held-out rows: what annotators say (label) and what the model thinks (p_yes)"
rlbff cat "$out/scores" --format table --columns principle,label,score,p_yes --limit 8
echo "Held-out pairs in the right order: entailment, Bradley-Terry (against), difference"
rlbff cat "$out/pairs" --where "group = 'all' and metric like 'accuracy%'" --columns metric,value,low,high --format table
python3 - "$out/rm" "$out/bradley-terry" <<'PYTHON'
import json, sys

arms = [json.load(open(f"{folder}/.rlbff/manifest.json"))["facts"]["trained_on"] for folder in sys.argv[1:]]
pairs = [(arm["conversations"], arm["updates"]) for arm in arms]
print("Conversations and updates:", *pairs, "matched" if pairs[0] == pairs[1] else "NOT matched: set BT_STEP_TOKENS")
PYTHON
rlbff status "$out"/{principles,rm,bradley-terry,scores,calibration,pairs,sensitivity,best}
