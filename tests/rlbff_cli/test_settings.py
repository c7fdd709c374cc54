from pathlib import Path

import pytest

from rlbff_cli.settings import check_environment, resolve
from stages.core.errors import ConfigError
from tests.rlbff_cli.fake_stage import FakeConfig


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_hold_where_nothing_is_said() -> None:
    assert resolve(FakeConfig, {"inputs": ["x"]}) == FakeConfig(inputs=("x",))


def test_each_layer_overrides_the_one_before(tmp_path: Path) -> None:
    file = written(tmp_path, "seed: 1\nworkers: 1\nlimit: 1\ninputs: [from-yaml]\n")
    environ = {"RLBFF_WORKERS": "2", "RLBFF_LIMIT": "2"}
    config = resolve(FakeConfig, {"limit": "3"}, file=file, environ=environ)
    assert (config.run.seed, config.run.workers, config.run.limit) == (1, 2, 3)
    assert config.inputs == ("from-yaml",)
    assert resolve(FakeConfig, {"inputs": ["typed"]}, file=file).inputs == ("typed",)


def test_only_what_was_typed_overrides(tmp_path: Path) -> None:
    file = written(tmp_path, "resume: false\nloud: true\n")
    config = resolve(FakeConfig, {"inputs": ["x"]}, file=file)
    assert config.run.resume is False
    assert config.loud is True
    assert resolve(FakeConfig, {"inputs": ["x"], "loud": False}, file=file).loud is False


def test_values_get_the_type_of_the_field() -> None:
    given = {
        "inputs": ["x"],
        "out": "o",
        "threshold": "0.25",
        "skip": ["a,b", "c"],
        "max_cost": "1",
        "price_in": "1e-3",
        "price_out": "2",
        "mode": "on",
    }
    config = resolve(FakeConfig, given)
    assert config.out == Path("o")
    assert config.threshold == 0.25
    assert config.skip == ("a,b", "c")
    assert config.llm.price_in == 0.001
    assert config.mode == "on"


def test_a_list_in_the_environment_is_comma_separated() -> None:
    config = resolve(FakeConfig, {"inputs": ["x"]}, environ={"RLBFF_SKIP": "p, q,"})
    assert config.skip == ("p", "q")


def test_an_empty_variable_says_nothing() -> None:
    assert resolve(FakeConfig, {"inputs": ["x"]}, environ={"RLBFF_LIMIT": ""}).run.limit is None


def test_inputs_do_not_come_from_the_environment() -> None:
    with pytest.raises(ConfigError, match="No input"):
        resolve(FakeConfig, {}, environ={"RLBFF_INPUTS": "x"})


@pytest.mark.parametrize(("text", "value"), [("1", True), ("yes", True), ("OFF", False), ("false", False)])
def test_switches_in_the_environment(text: str, value: bool) -> None:
    assert resolve(FakeConfig, {"inputs": ["x"]}, environ={"RLBFF_LOUD": text}).loud is value


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("limit: ten", "run.yaml: limit is 'ten'; it must be a whole number."),
        ("limit: 1.5", "run.yaml: limit is 1.5; it must be a whole number."),
        ("limit: true", "run.yaml: limit is True; it must be a whole number."),
        ("threshold: high", "run.yaml: threshold is 'high'; it must be a number."),
        ("threshold: false", "run.yaml: threshold is False; it must be a number."),
        ("threshold: null", "run.yaml: threshold is None; it must be a number."),
        ("loud: 1", "run.yaml: loud is 1; it must be true or false."),
        ("loud: yes", "run.yaml: loud is 'yes'; it must be true or false."),
        ("llm: 3", "run.yaml: llm is 3; it must be text."),
        ("out: [a]", "run.yaml: out is ['a']; it must be a path."),
        ("skip: [1]", "run.yaml: skip is [1]; it must be a list of text."),
        ("skip: {a: 1}", "run.yaml: skip is {'a': 1}; it must be a list of text."),
        ("max-retries: x", "run.yaml: max-retries is 'x'; it must be a whole number."),
        ("mode: onn", "run.yaml: mode is 'onn'; it must be one of auto, on, off. Did you mean on?"),
    ],
)
def test_a_wrong_type_in_yaml_names_file_key_type_and_value(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(FakeConfig, {"inputs": ["x"]}, file=written(tmp_path, line))
    assert str(caught.value) == f"{tmp_path}/{sentence}"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("mode: on", "mode", "on"),
        ("mode: off", "mode", "off"),
        ("threshold: 1e-3", "threshold", 0.001),
        ("threshold: 1", "threshold", 1.0),
        ("skip: one", "skip", ("one",)),
        ("skip: [one, two]", "skip", ("one", "two")),
        ("skip: []", "skip", ()),
        ("skip: {one: two, three: four}", "skip", ("one=two", "three=four")),
        ("size: null", "size", None),
        ("out: a/b", "out", Path("a/b")),
    ],
)
def test_yaml_means_what_people_write(tmp_path: Path, line: str, name: str, value: object) -> None:
    config = resolve(FakeConfig, {"inputs": ["x"]}, file=written(tmp_path, line))
    assert getattr(config, name) == value
    assert type(getattr(config, name)) is type(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("treshold: 1", "'treshold' is not an option. Did you mean threshold?"),
        ("max-cots: 1", "'max-cots' is not an option. Did you mean max_cost?"),
        ("--max-cost: 1", "'--max-cost' is not an option. Did you mean max_cost?"),
        ("max-retries: 1\nmax_retries: 1", "max_retries is given twice, once as max-retries."),
        ("run: {limit: 1}", "'run' is not an option."),
        ("limit: 1\nlimit: 2", "the key 'limit' is given twice"),
        ("- limit", "must hold lines of the form option: value"),
        ("a: [", "expected the node content, but found '<stream end>' at line 1, column 5: a: [ ^."),
        ("3: x", "3 is not an option."),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(FakeConfig, {"inputs": ["x"]}, file=written(tmp_path, text))
    assert sentence in str(caught.value)
    assert "run.yaml" in str(caught.value)


def test_a_key_may_be_spelt_as_on_the_command_line(tmp_path: Path) -> None:
    assert resolve(FakeConfig, {"inputs": ["x"]}, file=written(tmp_path, "max-retries: 9")).llm.max_retries == 9


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert resolve(FakeConfig, {"inputs": ["x"]}, file=written(tmp_path, "# nothing\n")) == FakeConfig(inputs=("x",))


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        resolve(FakeConfig, {"inputs": ["x"]}, file=tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"limit: \xff\n")
    with pytest.raises(ConfigError, match=r"bytes\.yaml is not UTF-8"):
        resolve(FakeConfig, {"inputs": ["x"]}, file=tmp_path / "bytes.yaml")


def test_a_bound_says_where_the_value_was_set(tmp_path: Path) -> None:
    file = written(tmp_path, "threshold: 3")
    with pytest.raises(ConfigError) as caught:
        resolve(FakeConfig, {"inputs": ["x"]}, file=file)
    bound = "--threshold is 3; it must be between 0 and 1."
    assert str(caught.value) == f"{bound} --threshold is set in {file}."
    with pytest.raises(ConfigError) as caught:
        resolve(FakeConfig, {"inputs": ["x"]}, environ={"RLBFF_THRESHOLD": "3"})
    assert str(caught.value) == f"{bound} --threshold is set in RLBFF_THRESHOLD."
    with pytest.raises(ConfigError) as caught:
        resolve(FakeConfig, {"inputs": ["x"], "threshold": "3"}, file=file)
    assert str(caught.value) == bound


def test_text_of_the_wrong_type_names_its_source() -> None:
    with pytest.raises(ConfigError, match=r"^--limit is 'x'; it must be a whole number\.$"):
        resolve(FakeConfig, {"limit": "x"})
    with pytest.raises(ConfigError, match=r"^RLBFF_LOUD is 'x'; it must be true or false\.$"):
        resolve(FakeConfig, {}, environ={"RLBFF_LOUD": "x"})


def test_unknown_variables_are_refused_and_secrets_are_not() -> None:
    check_environment({"RLBFF_LLM_KEY": "k", "RLBFF_LIMIT": "1", "HOME": "/"}, {"RLBFF_LIMIT"})
    with pytest.raises(ConfigError, match=r"RLBFF_LIMT is not an option\. Did you mean RLBFF_LIMIT"):
        check_environment({"RLBFF_LIMT": "1"}, {"RLBFF_LIMIT"})
