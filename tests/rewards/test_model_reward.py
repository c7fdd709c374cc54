"""Reward models as sources: log-odds under the row's principle, and what has none."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError, EndpointError, InputMissing
from stages.rewards.item import RewardItem
from stages.rewards.model import Judgement, Query
from stages.rewards.model_reward import NO_PRINCIPLE, ModelReward, file_stem, open_model
from stages.rewards.open import open_reward_model
from stages.rewards.options import RewardOptions
from stages.rewards.spec import Spec, parse_specs
from tests.rewards.scripted_reward import item
from tests.servers.judging import judge_tokens, odds_asked
from tests.servers.scripted import Call, Said, judgement, scripted
from tests.tiny_judges import save_tiny_judge
from tests.tiny_rewards import save_entailment_rm, save_scalar_rm

CPU = RewardOptions(device="cpu", precision="fp32")
WRITES = RewardOptions(generative=True, device="cpu", timeout=5.0, max_retries=0, concurrency=1)
ITEMS = [item("It is clear.", "1", principle="clarity"), item("", "2", principle="no comments")]


@pytest.fixture(scope="module")
def entailment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_entailment_rm(tmp_path_factory.mktemp("rewards") / "rm")


def spec(text: object) -> Spec:
    (found,) = parse_specs([str(text)])
    return found


def opened(text: str, folder: Path, options: RewardOptions = CPU, **changes: Any) -> ModelReward:
    return open_model(spec(text), options, seed=3, folder=folder, notice=lambda text: None, **changes)


def test_log_odds_under_the_principle_of_each_row(entailment: Path, tmp_path: Path) -> None:
    reward = opened(f"rm:{entailment}@0.7", tmp_path)
    model = open_reward_model(str(entailment), CPU, seed=0, journal=tmp_path / "x", notice=lambda text: None)
    ((first,), (second,)) = model.judge([Query(one.messages, one.completion, (str(one.principle),)) for one in ITEMS])
    assert isinstance(first, Judgement)
    assert isinstance(second, Judgement)
    told: list[int] = []
    results = reward.score(ITEMS, told.append)
    assert [result.value for result in results] == [first.score, second.score]
    assert first.score != second.score
    assert {result.status for result in results} == {"ok"}
    assert all(result.seconds > 0 for result in results)
    assert sum(told) == 2
    assert (reward.name, reward.best) == (f"rm:{model.name}", None)
    reward.close()


@pytest.mark.parametrize("principle", [None, "", "  "])
def test_an_item_without_a_principle_is_an_error_of_its_own(
    entailment: Path, tmp_path: Path, principle: str | None
) -> None:
    reward = opened(f"rm:{entailment}", tmp_path)
    told: list[int] = []
    lacking = item("It is clear.", "3", principle=principle)
    results = reward.score([ITEMS[0], lacking, ITEMS[1]], told.append)
    assert [result.status for result in results] == ["ok", "error", "ok"]
    assert results[1][:2] == (None, "error")
    assert results[1].detail == NO_PRINCIPLE
    assert sum(told) == 3
    assert [one.value for one in reward.score(ITEMS)] == [results[0].value, results[2].value]
    assert reward.score([lacking])[0].status == "error"
    facts: Any = reward.facts()
    assert facts["statuses"] == {"error": 2, "ok": 4}
    assert facts["model"]["kind"] == "entailment"


def test_what_the_model_cannot_read_is_an_error(entailment: Path, tmp_path: Path) -> None:
    reward = opened(f"rm:{entailment}", tmp_path)
    long = item("It is clear.", "4", principle="clarity " * 3000)
    (found,) = reward.score([long])
    assert found[:2] == (None, "error")
    assert found.detail.endswith(".")


def test_a_model_without_principles_gives_its_number(tmp_path: Path) -> None:
    folder = save_scalar_rm(tmp_path / "head")
    told: list[str] = []
    reward = open_model(spec(f"rm:{folder}"), CPU, seed=0, folder=tmp_path, notice=told.append)
    told.clear()
    with_one, without = reward.score([ITEMS[0], ITEMS[0]._replace(principle=None)])
    assert with_one.status == "ok"
    assert with_one.value == without.value
    assert told == []
    facts: Any = reward.facts()
    assert facts["model"]["kind"] == "scalar"


def test_a_demo_is_accepted_only_by_name(tmp_path: Path) -> None:
    folder = save_entailment_rm(tmp_path / "demo", fidelity="demo")
    for text in (f"rm:{folder}", f"rm:local:{folder}", f"genrm:{folder}"):
        with pytest.raises(ConfigError, match="--allow-demo-rm"):
            opened(text, tmp_path)
    assert opened(f"rm:{folder}", tmp_path, allow_demo=True).score(ITEMS)[0].status == "ok"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="nowhere"):
        opened(f"rm:{tmp_path}/nowhere", tmp_path)


def test_a_judge_in_this_process(tmp_path: Path) -> None:
    script = ("It is so.", " \n", "Final", " Judgement:")
    folder = save_tiny_judge(tmp_path / "judge", script, [(" Yes", 20.0), (" No", 18.5)])
    reward = opened(f"genrm:{folder}", tmp_path, RewardOptions(generative=True, device="cpu", precision="fp32"))
    assert [result.value for result in reward.score(ITEMS)] == pytest.approx([1.5, 1.5], abs=1e-3)
    assert reward.name.startswith("genrm:judge@")
    reward.close()


def served(
    answer: Callable[[Call], Said], folder: Path, items: list[RewardItem] = ITEMS, **changes: Any
) -> tuple[Any, list[Call]]:
    """What a judge behind a server makes of items, and the calls that were made."""
    with scripted(answer) as server:
        name = f"genrm:{server.url}" if "url" not in changes else f"genrm:{changes['url']}"
        reward = opened(name, folder, WRITES)
        try:
            return reward.score(items), server.calls
        finally:
            reward.close()


def test_a_judge_behind_a_server(tmp_path: Path) -> None:
    results, calls = served(lambda call: judgement(judge_tokens(call.body)), tmp_path)
    assert [one.value for one in results] == pytest.approx([odds_asked(call.body["messages"], 3) for call in calls])
    asked = "\n".join(message["content"] for message in calls[0].body["messages"])
    assert all(text in asked for text in ("Add.", "It is clear.", "clarity"))
    assert len(calls) == 2


def test_a_reply_without_a_judgement_is_an_error_never_a_number(tmp_path: Path) -> None:
    def answer(call: Call) -> Said:
        return judgement(judge_tokens(call.body, "schema"))

    results, _ = served(answer, tmp_path, [ITEMS[0]])
    assert results[0][:2] == (None, "error")
    assert "judgement" in results[0].detail.lower()


def test_finished_calls_are_found_again(tmp_path: Path) -> None:
    with scripted(lambda call: judgement(judge_tokens(call.body))) as server:
        for _ in range(2):
            reward = opened(f"genrm:{server.url}", tmp_path, WRITES)
            values = [result.value for result in reward.score(ITEMS)]
            reward.close()
        assert len(server.calls) == 2
    journal = tmp_path / f"{file_stem(spec(f'genrm:{server.url}'))}.jsonl"
    assert len(journal.read_text().splitlines()) == 2
    assert all(json.loads(line)["outcome"] == "ok" for line in journal.read_text().splitlines())
    assert None not in values


def test_a_server_that_is_gone_concerns_all(tmp_path: Path) -> None:
    with pytest.raises(EndpointError):
        opened("genrm:http://127.0.0.1:9/v1", tmp_path, WRITES)


def test_names_of_files_tell_models_apart_and_hold_no_path() -> None:
    names = [file_stem(spec(text)) for text in ("rm:/a/rm", "rm:/b/rm/", "genrm:/a/rm", "genrm:http://h:8/v1@2")]
    assert len(set(names)) == 4
    assert all("/" not in name and ":" not in name for name in names)
    assert names[0].startswith("rm-rm-")
    assert names[3].startswith("genrm-v1-")
    assert file_stem(spec("rm:/a/rm@0.5")) == names[0]


class Plain:
    """A model that reads no principles."""

    name, reads_principles = "plain", False

    def judge(self, queries: Sequence[Query], advance: Callable[[int], None]) -> list[tuple[Judgement]]:
        return [(Judgement(2.0),) for _ in queries]

    def facts(self) -> dict[str, object]:
        return {"calls": 2}

    def close(self) -> None:
        pass


def test_seconds_are_shares_of_what_it_took_and_facts_are_the_models_own() -> None:
    reward = ModelReward("rm", Plain())  # type: ignore[arg-type]
    started = time.perf_counter()
    results = reward.score(ITEMS)
    took = time.perf_counter() - started
    assert [result.value for result in results] == [2.0, 2.0]
    assert results[0].seconds == results[1].seconds
    assert 0 < sum(result.seconds for result in results) <= took
    assert reward.facts()["model"] == {"calls": 2}
