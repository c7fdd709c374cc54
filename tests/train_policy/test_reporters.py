import sys
from pathlib import Path

import pytest

from stages.core.errors import ConfigError
from stages.train_policy.reporters import open_reporters

CONFIG = {"model": "tiny", "loss": {"beta1": 0.5}, "out": Path("x")}

STAND_IN = """
said = []

class Run:
    def log(self, values, step):
        said.append(("log", step, values))

    def finish(self):
        said.append(("finish",))

def init(**options):
    print("here I am")
    said.append(("init", options))
    return Run()

def log(values, step):
    Run().log(values, step)

def finish():
    print("bye")
    Run().finish()
"""


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules named wandb and trackio that note what they are told."""
    for name in ("wandb", "trackio"):
        (tmp_path / f"{name}.py").write_text(STAND_IN)
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delenv(f"{name.upper()}_MODE", raising=False)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def told(name: str) -> list[tuple[object, ...]]:
    said: list[tuple[object, ...]] = sys.modules.pop(name).said  # type: ignore[attr-defined]
    return said


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_back_what_was_told(tmp_path: Path) -> None:
    reporter = open_reporters(["tensorboard", "tensorboard"], tmp_path, "run", CONFIG)
    reporter.log(1, {"reward": 0.25, "all/entropy": 2.0})
    reporter.log(3, {"reward": 0.5})

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):
        # a step is there at once, and still after the end
        events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        assert [(one.step, one.value) for one in events.Scalars("reward")] == [(1, 0.25), (3, 0.5)]
        assert [(one.step, one.value) for one in events.Scalars("all/entropy")] == [(1, 2.0)]
        assert '"beta1": 0.5' in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
        reporter.close()


def test_wandb_is_told_and_stays_offline(stand_ins: Path, tmp_path: Path) -> None:
    reporter = open_reporters(["wandb"], tmp_path / "logs", "my run", CONFIG)
    reporter.log(2, {"reward": 0.5})
    reporter.close()
    folder = tmp_path / "logs" / "wandb"
    assert folder.is_dir()
    assert told("wandb") == [
        (
            "init",
            {
                "project": "rlbff",
                "name": "my run",
                "dir": str(folder),
                "config": {"model": "tiny", "loss": {"beta1": 0.5}, "out": "x"},
                "mode": "offline",
            },
        ),
        ("log", 2, {"reward": 0.5}),
        ("finish",),
    ]


def test_wandb_goes_online_where_the_user_says_so(
    stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    open_reporters(["wandb"], tmp_path, "run", {})
    ((_, options),) = told("wandb")
    assert isinstance(options, dict)
    assert (options["mode"], options["project"]) == ("online", "mine")


def test_trackio_is_told_and_leaves_stdout_alone(
    stand_ins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = open_reporters(["trackio"], tmp_path, "my run", CONFIG)
    reporter.log(2, {"reward": 0.5})
    reporter.close()
    config = {"model": "tiny", "loss": {"beta1": 0.5}, "out": "x"}
    assert told("trackio") == [
        ("init", {"project": "rlbff", "name": "my run", "config": config}),
        ("log", 2, {"reward": 0.5}),
        ("finish",),
    ]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "here I am\nbye\n"


def test_every_service_is_told(stand_ins: Path, tmp_path: Path) -> None:
    reporter = open_reporters(["wandb", "trackio"], tmp_path, "run", {})
    reporter.log(0, {"a": 1.0})
    reporter.close()
    assert [one[0] for one in told("wandb")] == [one[0] for one in told("trackio")] == ["init", "log", "finish"]


def test_no_service_is_no_work(tmp_path: Path) -> None:
    reporter = open_reporters([], tmp_path / "none", "run", {})
    reporter.log(0, {"a": 1.0})
    reporter.close()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "trackio"])
def test_a_missing_package_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(ConfigError, match=f"--report-to {name} needs the package {name}.*pip install {name}"):
        open_reporters([name], tmp_path, "run", {})
