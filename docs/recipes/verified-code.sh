#!/usr/bin/env bash
# Solutions and tests that a model wrote -> the solution x test matrix -> different kept programs to train on.
# Usage: docs/recipes/verified-code.sh PROGRAMS OUT
#
# Proves   What "Verification Limits Code LLM Training" (arXiv 2509.20837) asks for: tests are measured before they are
#          believed, a rule that is relative to the task keeps right programs that "all tests pass" loses, and several
#          different ones of a task are kept. Arms of equal length, right and wrong, are there for its third question.
# Costs    sample_data: 20 seconds on 2 cores. Real data: 2 to 5 CPU milliseconds a program of ten quick tests, measured
#          (docs/benchmarks.md), and with LLM one call a task and round, at most 2 x tasks, of 2,000 tokens (an estimate).
# Expect   sample_data: 14 of 29 programs are right; consensus keeps those 14, precision and recall 1, "all tests pass" has a
#          precision of .93; 12 rows are written, two a task. On 75 HumanEval tasks with tests by CodeGen-16B, of which a third
#          hold (docs/benchmarks.md): frac:1.0 keeps 8 programs with a recall of .04, consensus 251 with .81 at a
#          precision of .57. The paper's abstract: richer tests are worth +3 pass@1, relaxed thresholds +2 to +4.
#
# PROGRAMS hold the tests (of the model that wrote them, or of people). With LLM=URL that model adds tests, each of which
# holds for the reference and kills a mutant or parts two programs. Programs run in the sandbox: nothing can be reached.
set -euo pipefail
programs=${1:?usage: verified-code.sh PROGRAMS OUT} out=${2:?usage: verified-code.sh PROGRAMS OUT}
llm=${LLM:-}              # writes further tests: URL, or local:MODEL
keep=${KEEP:-consensus}   # which programs are kept; see docs/verify-code.md
distinct=${DISTINCT:-2}   # at most so many of a task, of different clusters
arms=${ARMS-correct incorrect}   # control arms, which need programs of known truth; ARMS= for none
mkdir -p "$out"

rlbff verify-code "$programs" --keep "$keep" --keep-distinct "$distinct" --strength ${llm:+--augment 5 --llm "$llm"} \
  --overwrite -o "$out/verdicts" |
  rlbff eval verification - --overwrite -o "$out/verification"
rlbff eval pass-at-k "$out/verdicts" --map correct=truth --k 1,2,4 --overwrite -o "$out/pass-at-k"

# Rows for supervised fine-tuning, and what each test is worth.
rlbff cat "$out/verdicts" --where kept --columns id,problem_id,prompt,completion,cluster --format jsonl > "$out/sft.jsonl"

# Control arms: programs by truth, matched in number and length within each task.
for arm in $arms; do
  rlbff verify-code "$programs" --arm "$arm" --output kept --overwrite -o "$out/arm-$arm"
done

rlbff cat "$out/verdicts" --format table --columns id,passed,total,consensus,kept,truth --limit 10
rlbff cat "$out/verification" --format table --columns group,metric,value,low,high \
  --where "group in ('kept', 'frac:1.0', 'rel:1.0', 'consensus') and metric in ('precision', 'recall')"
rlbff status "$out"/{verdicts,verification,pass-at-k} ${arms:+"$out"/arm-*}
echo "To train on: $out/sft.jsonl"
