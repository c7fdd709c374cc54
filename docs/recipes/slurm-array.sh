#!/usr/bin/env bash
#SBATCH --job-name=rlbff
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
# Two stages under Slurm: an array job whose tasks share one folder, and a job that waits for all of them.
# Usage: docs/recipes/slurm-array.sh ROWS OUT [SHARES]     on a login node; ROWS is a folder or a glob of several files
#
# Proves   That a stage needs nothing of a scheduler but its share: tasks in any order, killed and begun again, fill one
#          folder (`--shard auto` reads SLURM_ARRAY_TASK_ID), and the task that finishes the last part writes the manifest.
# Costs    sample_data: seconds a task. Real data: the time of one machine over the number of tasks, if every task gets a part:
#          a part has --rows-per-shard rows.
# Expect   The rows and bytes of one process. `rlbff status OUT/principles` tells what is left at any time.
#
# SIGTERM, which comes two minutes before the end, ends a task with exit code 75: resumable. Such a task queues itself again.
set -euo pipefail
usage='usage: slurm-array.sh ROWS OUT [SHARES]'
rows=${1:?$usage} out=${2:?$usage} shares=${3:-8}
extract=${EXTRACT:---llm rules}          # options of extract-principles
rows_per_shard=${ROWS_PER_SHARD:-10000}  # a part, the unit of work

case ${RLBFF_STEP:-submit} in
  submit)
    array=$(RLBFF_STEP=share sbatch --parsable --export=ALL --array="1-$shares" "$0" "$rows" "$out" "$shares")
    RLBFF_STEP=after sbatch --export=ALL --dependency="afterok:$array" "$0" "$rows" "$out" "$shares"
    ;;
  share)
    unset RLBFF_STEP
    read -ra options <<< "$extract"
    code=0
    rlbff extract-principles "$rows" "${options[@]}" --rows-per-shard "$rows_per_shard" --shard auto \
      -o "$out/principles" || code=$?
    if [[ $code == 75 ]]; then exec scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"; fi
    exit "$code"
    ;;
  after)
    unset RLBFF_STEP
    rlbff status "$out/principles"
    rlbff cat "$out/principles" --format jsonl --columns id,principle,label > "$out/labels.jsonl"
    ;;
esac
