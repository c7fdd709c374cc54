"""What a model and a server may do, and what never comes of it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from stages.verify_code.augment import augment_all
from stages.verify_code.augmented import Job
from stages.verify_code.local_model import open_model
from stages.verify_code.verifier import SandboxVerifier
from tests.servers.chat_server import start_server
from tests.servers.scripted import Call, Said, completion
from tests.verify_code.clamping import (
    CLAMP,
    RIGHT,
    SAME,
    UPPER,
    assert_counts_add_up,
    assert_reference_passes,
    augmented,
    clamp_task,
    configured,
    known,
    measured,
    saying,
    suite,
    text_of_answer,
)

HOSTILE: list[Any] = [
    "__import__('os').system('touch ESCAPED')",
    "[open('ESCAPED', 'w')]",
    "[[] for _ in iter(int, 1)]",
    "(" * 40_000,
    "[" + "-" * 40_000 + "1, 0, 0]",
    "[0x" + "f" * 50_000 + ", 0, 1]",
    ["x" * 70_000, 0, 1],
    [[[[[]]]], {}, None],
    {"__class__": "os"},
    [],
    [1],
    [1, 2, 3, 4],
    [1e999, 0, 1],
    [-1e308, 0.5, 1e308],
    ["\ud800", "a", "b"],
    ["\x1b[2J", "\x00", "z"],
    [[1, 2], [0], [3]],
    [None, True, False],
    [10**4000, 0, 1],
    None,
    3.5,
]


def test_a_test_that_the_reference_fails_is_never_added(verifier: SandboxVerifier, tmp_path: Path) -> None:
    """Fifteen answers drawn from junk, hostile code, repetitions, huge inputs, wrong forms and some good ones."""
    draw = random.Random(7)
    task = clamp_task()
    jobs, answers = [], []
    for number in range(15):
        good = [[draw.randint(-20, 20), 0, draw.randint(0, 9)] for _ in range(draw.randint(0, 4))]
        items = [*good, *draw.choices(HOSTILE, k=6), *good[:1]]
        draw.shuffle(items)
        whole = [{"inputs": items}] * 8 + [{"inputs": "x"}, "<html>503</html>", {"tests": items}, '{"inputs": [[1, 2']
        answers.append(text_of_answer(draw.choice(whole)))
        jobs.append(
            Job(
                task=clamp_task(key=str(number), prompt=[{"role": "user", "content": f"Task {number}."}]),
                known=known(RIGHT, SAME, UPPER),
                measured=measured((CLAMP.replace("x < low", "x <= 3"), False)),
            )
        )

    def answer(call: Call) -> Said:
        user = call.body["messages"][1]["content"]
        return completion(next(text for n, text in enumerate(answers) if f"Task {n}." in user))

    results = augmented(answer, verifier, tmp_path, *jobs, rounds=2)
    assert sum(len(found.tests) for found in results) >= 10
    for found in results:
        assert_reference_passes(verifier, task, found)
        assert_counts_add_up(found)
        for test in found.tests:
            test.text.encode()
    assert not any(Path(folder, "ESCAPED").exists() for folder in (".", tmp_path))


def test_hostile_assertions_are_never_run_and_wrong_ones_never_kept(verifier: SandboxVerifier, tmp_path: Path) -> None:
    task = clamp_task(reference=None, suite=suite("assert clamp(5, 0, 10) == 5", "assert clamp(-1, 0, 10) == 0"))
    marker = tmp_path / "escaped"
    assertions = [
        f"assert open({str(marker)!r}, 'w') and clamp(1, 0, 2)",
        f"assert clamp(1, 0, 2) and __import__('pathlib').Path({str(marker)!r}).touch()",
        "assert clamp(1, 0, 2) == [0] * 10**12",
        "assert clamp(10 ** 10 ** 10, 0, 2) == 2",
        "assert clamp(1, 0, 2) == sum(1 for _ in range(10 ** 12))",
        "assert clamp(*range(10 ** 9)) == 1",
        "assert True",
        "assert clamp(11, 0, 10) == 12",
        "assert clamp(11, 0, 10) == 10",
    ]
    twin = "def clamp(x, a, b):\n    return sorted((a, x, b))[1]\n"
    rows = [["pass"] * 2, ["pass"] * 2, ["pass", "fail"], ["pass", "fail"]]
    job = Job(task=task, known=known(RIGHT, twin, UPPER, SAME, outcomes=rows), measured=None)
    (found,) = augmented(saying({"assertions": assertions}), verifier, tmp_path, job)
    assert not marker.exists()
    assert {test.text for test in found.tests} == {"assert clamp(11, 0, 10) == 10"}
    assert found.counts["unparsable"] == 3
    assert_counts_add_up(found)


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (Said(500, {"error": "broken"}), "http_500"),
        (Said(200, b"<html><body>Bad gateway</body></html>"), "broken_reply"),
        (Said(429, {"error": "slow down"}, {"Retry-After": "0.01"}), "rate_limited"),
        (completion('{"inputs": [[1, 2', "length"), "cut_off"),
        (completion("There are no good tests."), "bad_answer"),
        (completion(None, refusal="No."), "refused"),
    ],
)
def test_a_call_that_fails_for_good_costs_its_task_alone(
    verifier: SandboxVerifier, tmp_path: Path, said: Said, failure: str
) -> None:
    def answer(call: Call) -> Said:
        odd = "Odd task." in call.body["messages"][1]["content"]
        return said if odd else completion(json.dumps({"inputs": [[-1, 0, 10]]}))

    odd = clamp_task(prompt=[{"role": "user", "content": "Odd task."}])
    jobs = [Job(task=task, known=known(RIGHT, SAME), measured=measured()) for task in (clamp_task(), odd)]
    good, bad = augmented(answer, verifier, tmp_path, *jobs, rounds=3, max_retries=1)
    assert len(good.tests) == 1
    assert bad.tests == ()
    assert [one.failure for one in bad.rounds] == [failure]
    assert bad.rounds[0].validity is None
    assert_counts_add_up(bad)


def test_faults_in_three_calls_of_ten_lose_only_what_failed(verifier: SandboxVerifier, tmp_path: Path) -> None:
    jobs = [
        Job(
            task=clamp_task(key=str(n), prompt=[{"role": "user", "content": f"Task {n}."}]),
            known=known(RIGHT, SAME),
            measured=measured(),
        )
        for n in range(20)
    ]
    answer = json.dumps({"inputs": [[-1, 0, 10], [4, 0, 10]]})
    mix = "429:6,500:6,truncated:3,length:4,schema:4"
    with start_server(faults=0.3, mix=mix, retry_after="0.01", answer=answer) as server:
        config = configured(server.url, max_retries=6)
        model = open_model(config, tmp_path, lambda text: None)
        with model.asking(0, "augment") as asker:
            results = augment_all(jobs, asker, verifier, config)
        model.close()
        stats = server.stats()
    assert sum(count for name, count in stats.items() if name.startswith("fault")) > 3, stats
    failed = [found for found in results if found.rounds[0].failure]
    assert len(failed) < 6
    assert all(len(found.tests) == 1 for found in results if found not in failed)
    assert stats["most_in_flight"] > 1  # a round asks for all tasks at once
