#!/usr/bin/env bash
# All four recipes in one, all seven stages, and one page about them: what `make demo` runs.
# Usage: docs/recipes/everything.sh DATA OUT     DATA holds files named as in sample_data/
#
# Proves   That the stages are one tool: the reward model that is trained on feedback rewards a policy, the sandbox that
#          verifies programs rewards another, and one report tells where every row came from.
# Costs    sample_data: 5 minutes on 2 cores, offline. Real data: the sum of the four, which say what they cost.
# Expect   what the heads of the four say; `tests/test_recipes.py` holds a finished run to them.
#
# Called again it goes on where it stopped; a folder of another configuration is overwritten. MODEL, LLM and what else the
# four read from the environment holds here, too.
set -euo pipefail
data=${1:?usage: everything.sh DATA OUT} out=${2:?usage: everything.sh DATA OUT}
recipes=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
read -ra training <<< "${TRAINING:-}"     # further options of all trainings of policies

bash "$recipes/reward-model.sh" "$data/reviews.jsonl" "$out"
bash "$recipes/verified-code.sh" "$data/programs.jsonl" "$out/code"
bash "$recipes/reasoning-data.sh" "$data/cots.jsonl" "$data/core.jsonl" "$out/cots"
bash "$recipes/policy.sh" "$data/prompts.jsonl" "$data/tasks.jsonl" "$out/rm" "$out/policy" "${training[@]}"

rlbff report "$out" -o "$out/report.html"
