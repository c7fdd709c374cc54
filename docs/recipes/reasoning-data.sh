#!/usr/bin/env bash
# From a pool of chains of thought and a small core set to rows for supervised fine-tuning, with control arms, offline.
# Usage: docs/recipes/reasoning-data.sh POOL CORE OUT
# POOL and CORE hold prompt, completion, entropy (or see --entropy-model) and, where known, question_id and correct.
set -euo pipefail
pool=${1:?usage: reasoning-data.sh POOL CORE OUT} core=${2:?usage: reasoning-data.sh POOL CORE OUT}
out=${3:?usage: reasoning-data.sh POOL CORE OUT}
mkdir -p "$out"

# How hard the questions are for whatever wrote the pool.
rlbff eval reasoning-potential "$pool" --overwrite -o "$out/potential"
rlbff eval pass-at-k "$pool" --overwrite -o "$out/pass-at-k"

# The rows that reason most like the core set, and as arms: other shares of the pattern term, and what RL can still use.
rlbff select-cotp "$pool" --core "$core" --per-core 4 --sweep 0,1 --utility learnability --overwrite -o "$out/selected"
rlbff eval selection "$out/selected/.rlbff/arms" --overwrite -o "$out/arms"

# The same amount without a core set of one's own: built from the pool, then selected for.
rlbff select-cotp "$pool" --build-core 12 --per-core 4 --overwrite -o "$out/built"

echo "Selected rows and their core rows"
rlbff cat "$out/selected" --format table --columns id,core_id,rank,distance,correct --limit 10
rlbff status "$out"/{potential,pass-at-k,selected,arms,built}
echo "To look at: $out/selected/.rlbff/report/selection.html"
