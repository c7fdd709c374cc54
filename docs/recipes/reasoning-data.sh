#!/usr/bin/env bash
# A pool of chains of thought and a small core set -> a selection with control arms -> rows for supervised fine-tuning.
# Usage: docs/recipes/reasoning-data.sh POOL CORE OUT
#
# Proves   That rows can be selected by how their reasoning goes (CoTP, arXiv 2509.21124), optimally, and what that buys over
#          nearest neighbours and over random rows of equal length. That a model learns more from them, it does not show.
# Costs    sample_data: 20 seconds on 2 cores. Real data: 100,000 pool rows against 100 core rows take 14 CPU seconds for the
#          distances, measured (docs/benchmarks.md); naming patterns by an LLM is a call a row, and an entropy model
#          reads the pool once: 10,000 rows of 8,000 tokens are, for a 7B model, 47 minutes on one H100 (estimate:
#          2 x parameters x tokens at 40 % of 989 TFLOP/s).
# Expect   sample_data: 48 rows, four for each of 12 core rows, certified optimal; .77 [.63, .89] of them are right, .29
#          [.18, .40] above the pool and .23 [.07, .40] above random rows of equal length. That is planted. On real
#          long traces all of the gain was length (docs/benchmarks.md). The paper, as read by others: mean pass@1 of five
#          benchmarks 37.53 against 31.14 for its pool, after SFT.
#
# POOL and CORE hold prompt, completion and, where known, question_id, correct, patterns, entropy. Rows without
# entropy: ENTROPY_MODEL=Qwen/Qwen3-0.6B. Patterns by a model: LLM=http://localhost:8000/v1; else built-in rules.
set -euo pipefail
usage='usage: reasoning-data.sh POOL CORE OUT'
pool=${1:?$usage} core=${2:?$usage} out=${3:?$usage}
per_core=${PER_CORE:-4}        # pool rows for each core row
llm=${LLM:-}                   # names patterns: URL, or local:MODEL
entropy=${ENTROPY_MODEL:-}     # computes token entropies; else the rows' column
chains=(${llm:+--patterns llm --llm "$llm"} ${entropy:+--entropy-model "$entropy"})
mkdir -p "$out"

# How hard the questions are for whatever wrote the pool.
rlbff eval reasoning-potential "$pool" --overwrite -o "$out/potential"
rlbff eval pass-at-k "$pool" --overwrite -o "$out/pass-at-k"

# The rows that reason most like the core set, and as arms: other shares of the pattern term, and what RL can still use.
rlbff select-cotp "$pool" --core "$core" --per-core "$per_core" --sweep 0,1 --utility learnability "${chains[@]}" \
  --overwrite -o "$out/selected"
rlbff eval selection "$out/selected/.rlbff/arms" --overwrite -o "$out/arms"

# The same amount without a core set of one's own: built from the pool, then selected for.
rlbff select-cotp "$pool" --build-core 12 --per-core "$per_core" "${chains[@]}" --overwrite -o "$out/built"

# Rows for supervised fine-tuning. The folder itself does as well: datasets.load_dataset("OUT/selected").
rlbff cat "$out/selected" --columns id,prompt,completion --format jsonl > "$out/sft.jsonl"

echo "Selected rows and their core rows"
rlbff cat "$out/selected" --format table --columns id,core_id,rank,distance,correct --limit 10
echo "Share of right rows in each arm, and what is left of it over rows of equal length"
rlbff cat "$out/arms" --where "metric in ('correct', 'correct_minus_length')" --columns group,metric,value,low,high \
  --format table
rlbff status "$out"/{potential,pass-at-k,selected,arms,built}
echo "To look at: $out/selected/.rlbff/report/selection.html; to train on: $out/sft.jsonl"
