"""The tables of verify-code: what became of programs, what tests are worth, and what it cost."""

from typing import Final

import pyarrow as pa

from stages.core.table import CHAT, Column, Table

TEST_RESULTS: Final = pa.list_(
    pa.struct([pa.field("test_id", pa.string()), pa.field("outcome", pa.string()), pa.field("detail", pa.string())])
)
"""What became of each test: pass, fail, error, timeout, memory, crash, not_plain, output_limit, protocol_error,
not_run, flaky; and at most 500 characters that say why."""

VERDICTS: Final = Table(
    "verdicts",
    (
        Column("id", pa.string(), "Row of the input; with `-k` behind it where a row holds several solutions."),
        Column("problem_id", pa.string(), "The task that the program is a solution to."),
        Column("prompt", CHAT, "What was asked; plain text is read as one user message."),
        Column("completion", CHAT, "The answer; a bare program is read as one assistant message."),
        Column("solution", pa.string(), "The program that was run; null where the answer holds no code."),
        Column("test_results", TEST_RESULTS, "The program's row of the solution x test matrix.", required=True),
        Column("passed", pa.int32(), "Tests that passed."),
        Column("total", pa.int32(), "Tests that count: all but flaky ones."),
        Column("pass_rate", pa.float32(), "passed / total; null without tests."),
        Column("weighted_rate", pa.float32(), "The same with tests weighted by their measured strength."),
        Column("consensus", pa.float32(), "Dual execution agreement, as a share of the best of the task, 0 to 1."),
        Column("status", pa.string(), "done, or what stopped the program first."),
        Column("kept", pa.bool_(), "Whether the keep rule keeps it."),
        Column("keep_reason", pa.string(), "The rule, the value it compared, the threshold."),
        Column("label", pa.bool_(), "As `kept`, under the name by which TRL reads it."),
        Column("truth", pa.bool_(), "Whether the program is right, where the input says so or held-out tests do."),
        Column("judge", pa.float32(), "The judge's score, 1 to 5; null where there is none."),
        Column("cluster", pa.int32(), "Number of its cluster of equal programs within the task; null if none passed."),
        Column("flaky", pa.int32(), "Tests that passed in one run and not in another."),
        Column("runs", pa.int32(), "How often the program was run."),
        Column("mode", pa.string(), "How tests were run: data, split, suite, stdio, inproc."),
        Column("trust", pa.string(), "full, or inproc where the program could have forged its result."),
        Column("isolation", pa.string(), "The sandbox's level."),
        Column("layers", pa.list_(pa.string()), "The layers that were active."),
        Column("signal", pa.int32(), "The signal that ended the program; 0 if none did."),
        Column("detail", pa.string(), "What stopped the program, in words."),
        Column("stderr_head", pa.string(), "The first 2 KB that it printed, control characters escaped."),
        Column("solution_sha", pa.string(), "sha256 of the program; equal ones are run once a shard."),
    ),
    "Programs with what became of each test, and whether to keep them.",
    "TRL (unpaired), datasets",
)

TESTS: Final = Table(
    "tests",
    (
        Column("problem_id", pa.string(), "The task."),
        Column("suite_sha", pa.string(), "The task with its tests: rows with other tests are another task."),
        Column("test_id", pa.string(), "The test's name in `test_results`."),
        Column("origin", pa.string(), "input, or the model that wrote it."),
        Column("text", pa.string(), "The test for people; null for those of the input."),
        Column("validated", pa.string(), "What vouches for a test that a model wrote: reference or consensus."),
        Column("round", pa.int32(), "The round of asking that brought it; 0 for those of the input."),
        Column(
            "validity", pa.float32(), "1 if the reference passes, else 0; without one, what the solutions make of it."
        ),
        Column("estimated", pa.bool_(), "Whether there is no reference, so that validity is an estimate."),
        Column("flaky", pa.bool_(), "Whether two runs of the reference disagree; the test then counts for no program."),
        Column("kill_rate", pa.float32(), "Share of the reference's mutants that it kills; null without mutants."),
        Column("correlation", pa.float32(), "Of passing it with the rate over the others; null if either is constant."),
        Column("separation", pa.float32(), "Share of the pairs of solutions told apart that it tells apart."),
        Column("alike", pa.int32(), "How many tests of the task, itself among them, have the same outcomes."),
        Column("weight", pa.float32(), "Its weight in `weighted_rate`; those of a task sum to 1."),
        Column("minimal", pa.bool_(), "Whether it is one of the few that say what all say; null if not measured."),
    ),
    "What each test is worth, one row a test of a task, kept under `.rlbff/tests/`.",
)

TIMINGS: Final = Table(
    "timings",
    (
        Column("id", pa.string(), "Row of the verdicts."),
        Column("cpu_ms", pa.float64(), "CPU time of all processes of the program and its tests, over all runs."),
        Column("wall_ms", pa.float64(), "Time by the clock."),
        Column("max_rss_kb", pa.int64(), "Largest memory of one process, in KiB."),
    ),
    "What verdicts cost, kept under `.rlbff/timings/`, since it varies between runs and shards must not.",
)
