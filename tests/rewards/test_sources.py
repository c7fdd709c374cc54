"""From specs to one reward: which module opens what, what a fingerprint holds, and what is asked again."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError, InputMissing
from stages.rewards import sources
from stages.rewards.item import RewardResult
from stages.rewards.options import RewardOptions
from stages.rewards.reward_cache import CachedReward
from stages.rewards.source_options import JudgeOptions, SourceOptions
from stages.rewards.sources import needs_principle, needs_reference, open_reward, reward_identity
from stages.rewards.spec import Spec, parse_specs
from stages.rewards.weighted import WeightedReward
from tests.rewards.scripted_reward import Scripted, item
from tests.servers.judging import judge_tokens
from tests.servers.scripted import judgement, scripted
from tests.tiny_rewards import save_entailment_rm, save_scalar_rm

RIGHT = "def add(a, b):\n    return a + b\n"
HALF = "def add(a, b):\n    return 0\n"
ASSERTS = ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]


@pytest.fixture(scope="module")
def entailment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_entailment_rm(tmp_path_factory.mktemp("rewards") / "rm")


def models(generative: bool) -> RewardOptions:
    return JudgeOptions(rm_precision="fp32", max_retries=0).reward_options(generative=generative, device="cpu")


def opened(folder: Path, *specs: str, own: Any = None, **options: Any) -> WeightedReward:
    chosen = SourceOptions(**{"reward_workers": 1} | options)
    return open_reward(parse_specs(specs), chosen, models, seed=3, folder=folder, notice=lambda text: None, own=own)


def test_a_weighted_sum_of_a_model_and_tests(entailment: Path, tmp_path: Path) -> None:
    items = [item(text, text, principle="clarity", reference=ASSERTS) for text in (RIGHT, HALF, RIGHT)]
    reward = opened(tmp_path, f"rm:{entailment}@0.5", "code:@2")
    results = reward.score(items)
    for result, rate in zip(results, (1.0, 0.5, 1.0), strict=True):
        assert result.status == "ok"
        assert set(result.parts) == {"rm", "code"}
        assert result.parts["code"] == rate
        assert result.value == pytest.approx(0.5 * result.parts["rm"] + 2 * rate)
    facts: Any = reward.facts()
    assert facts["repeated"] == 1
    assert facts["sources"]["code"]["statuses"] == {"ok": 2}
    assert reward.best is None
    reward.close()

    # A run that starts again asks neither the model nor the sandbox.
    again = opened(tmp_path, f"rm:{entailment}@0.5", "code:@2")
    assert again.score(items) == results
    facts = again.facts()
    assert facts["sources"]["rm"]["cached"] == facts["sources"]["code"]["cached"] == 2
    assert facts["sources"]["code"]["results"] == 0
    again.close()


def test_full_marks_of_tests_alone(tmp_path: Path) -> None:
    reward = opened(tmp_path, "code:", reward_code="all")
    assert (reward.best, reward.name) == (1.0, "1 * code:all")
    assert reward.score([item(HALF, reference=ASSERTS)])[0].value == 0.0
    reward.close()


def test_other_ways_to_count_are_not_taken_from_disk(tmp_path: Path) -> None:
    values = []
    for counting in ("rate", "all"):
        reward = opened(tmp_path, "code:", reward_code=counting)
        values.append(reward.score([item(HALF, reference=ASSERTS)])[0].value)
        reward.close()
    assert values == [0.5, 0.0]


def test_a_model_under_other_options_is_asked_again(entailment: Path, tmp_path: Path) -> None:
    found = []
    for longest in (4096, 4096, 200):
        options = RewardOptions(device="cpu", precision="fp32", max_length=longest)
        reward = open_reward(
            parse_specs([f"rm:{entailment}"]),
            SourceOptions(),
            lambda generative, options=options: options,  # type: ignore[misc]
            seed=0,
            folder=tmp_path,
            notice=lambda text: None,
        )
        reward.score([item("It is clear.", principle="clarity")])
        facts: Any = reward.facts()
        found.append(facts["sources"]["rm"]["cached"])
        reward.close()
    assert found == [0, 1, 0]


def test_the_policy_as_its_own_judge_is_made_by_the_stage(tmp_path: Path) -> None:
    asked: list[Spec] = []
    own = Scripted(lambda _: RewardResult(1.5, "ok"))

    def make(spec: Spec) -> Scripted:
        asked.append(spec)
        return own

    reward = opened(tmp_path, "genrm:self@2", own=make)
    assert reward.score([item("x")])[0][:3] == (3.0, "ok", {"genrm": 1.5})
    assert [spec.argument for spec in asked] == ["self"]
    reward.close()
    assert own.closed == 1
    with pytest.raises(ConfigError, match="no policy that could judge"):
        opened(tmp_path, "genrm:self")


def test_a_timeout_has_the_value_of_the_options(tmp_path: Path) -> None:
    own = Scripted(lambda _: RewardResult(None, "timeout"))
    reward = opened(tmp_path, "genrm:self", own=lambda _: own, on_timeout="value:-1")
    assert reward.score([item("x")])[0][:2] == (-1.0, "timeout")


def test_what_was_opened_is_closed_where_another_cannot_be(tmp_path: Path) -> None:
    own = Scripted(lambda _: RewardResult(1.0, "ok"))
    with pytest.raises(InputMissing):
        opened(tmp_path, "genrm:self", f"rm:{tmp_path}/nowhere", own=lambda _: own)
    assert own.closed == 1


def test_a_demo_needs_its_option(tmp_path: Path) -> None:
    folder = save_entailment_rm(tmp_path / "demo", fidelity="demo")
    with pytest.raises(ConfigError, match="--allow-demo-rm"):
        opened(tmp_path, f"rm:{folder}")
    opened(tmp_path, f"rm:{folder}", allow_demo_rm=True).close()


def test_which_sources_are_kept_on_disk(entailment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []

    def keep(reward: Any, path: Path, settings: Any) -> CachedReward:
        kept.append(reward.name.partition(":")[0])
        return CachedReward(reward, path, settings)

    monkeypatch.setattr(sources, "CachedReward", keep)
    with scripted(lambda call: judgement(judge_tokens(call.body))) as server:
        opened(tmp_path, "code:", f"rm:{entailment}", f"genrm:{server.url}", f"rm:{server.url}").close()
    assert kept == ["code", "rm"]


def test_what_rows_must_have(entailment: Path, tmp_path: Path) -> None:
    scalar = save_scalar_rm(tmp_path / "head")
    for text, principle, reference in [
        (f"rm:{entailment}", True, False),
        (f"rm:{scalar}", False, False),
        (f"rm:local:{scalar}", False, False),
        ("rm:http://host/v1", True, False),
        ("genrm:http://host/v1", True, False),
        ("genrm:self", True, False),
        ("math:", False, True),
        ("code:", False, False),
        ("check:words<=9", False, False),
    ]:
        specs = parse_specs(["py:a:b", text])
        assert (needs_principle(specs), needs_reference(specs)) == (principle, reference), text


def identity_of(*specs: str, **options: Any) -> dict[str, Any]:
    return reward_identity(parse_specs(specs), SourceOptions(**options), models)


def test_a_fingerprint_names_contents_not_paths(entailment: Path, tmp_path: Path) -> None:
    elsewhere = save_entailment_rm(tmp_path / "rm")
    here, there = identity_of(f"rm:{entailment}"), identity_of(f"rm:local:{elsewhere}")
    assert here == there
    assert str(tmp_path) not in str(there)
    assert "device" not in here["sources"][0]["options"]
    (elsewhere / "extra.bin").write_bytes(b"1")
    assert identity_of(f"rm:{elsewhere}") != here
    assert identity_of(f"rm:{entailment}@2") != here
    assert identity_of(f"rm:{entailment}", reward_code="all") != here
    assert identity_of(f"rm:{entailment}", reward_workers=7) == here


def test_a_fingerprint_of_judges_holds_their_words() -> None:
    own = identity_of("genrm:self")["sources"][0]
    assert own["model"] == "self"
    assert len(own["wording"]) > 8
    assert own["options"]["votes"] == 1
    with scripted(lambda call: judgement(judge_tokens(call.body))) as server:
        assert identity_of(f"genrm:{server.url}")["sources"][0]["model"] == "m"
    assert identity_of("check:a", "math:")["sources"] == [
        {"kind": "check", "weight": 1.0, "argument": "a"},
        {"kind": "math", "weight": 1.0, "argument": ""},
    ]


def test_a_fingerprint_of_user_code_holds_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one" / "inner").mkdir(parents=True)
    (tmp_path / "one" / "__init__.py").write_text("raise AssertionError('it is not run')\n")
    path = tmp_path / "one" / "inner" / "mine.py"
    path.write_text("def score(x): return 1\n")
    first = identity_of("py:one.inner.mine:score", py_path=tmp_path)
    monkeypatch.chdir(tmp_path)
    assert identity_of("py:one.inner.mine:score") == first
    path.write_text("def score(x): return 2\n")
    assert identity_of("py:one.inner.mine:score") != first
    for missing in ("py:one.other:score", "py:nothing_of_this_name:score"):
        with pytest.raises(ConfigError, match="--py-path"):
            identity_of(missing)


def test_no_model_is_imported_for_tests_alone(run_python: Any, root: Path) -> None:
    code = (
        "import sys; import stages.rewards.sources, stages.rewards.code_reward, stages.rewards.model_reward; "
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert run_python("-c", code, PYTHONPATH=str(root)).stdout == "[]\n"
