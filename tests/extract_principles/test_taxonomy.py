from dataclasses import replace

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import ConfigError
from stages.extract_principles.ngram_embedder import NgramEmbedder
from stages.extract_principles.taxonomy import (
    Applied,
    Cluster,
    DomainShare,
    Taxonomy,
    apply_taxonomy,
    index_members,
)
from stages.extract_principles.taxonomy_build import (
    Counts,
    assign_leaders,
    build_taxonomy,
    fold_spellings,
    frequent_names,
)
from stages.extract_principles.taxonomy_file import parse_taxonomy, to_yaml

COUNTS: Counts = {
    "information accuracy": {"general": (10, 10)},
    "accuracy of information": {"general": (20, 0), "code": (6, 4)},
    "readability": {"code": (10, 40)},
}
"""100 rows: 40 general, 60 code."""


def plane(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane, whose cosine is that of the difference of their angles."""
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def made() -> Taxonomy:
    names = frequent_names(COUNTS)
    return build_taxonomy(COUNTS, names, NgramEmbedder().embed(names), threshold=0.8, embedder="ngram@1")


def test_clusters_with_rates_and_lifts_by_hand() -> None:
    assert made() == Taxonomy(
        clusters=(
            Cluster(
                name="accuracy of information",
                members={"accuracy of information": 30, "information accuracy": 20},
                yes_rate=0.72,  # 36 of 50
                domains={
                    # (10 / 60) / (50 / 100) and (40 / 40) / (50 / 100)
                    "code": DomainShare(10, 0.6, 0.3333),
                    "general": DomainShare(40, 0.75, 2.0),
                },
            ),
            Cluster(
                name="readability",
                members={"readability": 50},
                yes_rate=0.2,
                domains={"code": DomainShare(50, 0.2, 1.6667)},  # (50 / 60) / (50 / 100)
            ),
        ),
        embedder="ngram@1",
        threshold=0.8,
    )


def test_names_are_ordered_by_rows_and_the_rest_is_left_out() -> None:
    assert frequent_names(COUNTS) == ["readability", "accuracy of information", "information accuracy"]
    names = frequent_names(COUNTS, most=1)
    taxonomy = build_taxonomy(COUNTS, names, plane(0), threshold=0.8, embedder="e")
    assert taxonomy.names_left_out == 2
    # the lift still refers to all 100 rows
    assert taxonomy.clusters[0].domains["code"].lift == 1.6667


def test_spellings_are_added_up_under_the_most_frequent() -> None:
    counts: Counts = {"Tone": {"code": (1, 0)}, "tone": {"code": (2, 1), "": (1, 0)}, "TONE": {"code": (0, 1)}}
    assert fold_spellings(counts) == {"tone": {"code": (3, 2), "": (1, 0)}}


def test_a_name_joins_the_nearest_leader_not_the_nearest_member() -> None:
    # cos 36.87 degrees = 0.8. 30 joins 0; 50 is within 20 of 30, which leads nothing, and 50 from 0: it leads. 45 is 45
    # from 0 and 5 from 50
    assert assign_leaders(plane(0, 30, 50, 45), 0.8).tolist() == [0, 0, 2, 2]


def test_the_cluster_threshold_is_strict() -> None:
    vectors = np.array([[1, 0], [0.5, 0.8660254]], dtype=np.float32)
    assert assign_leaders(vectors, 0.5).tolist() == [0, 1]
    assert assign_leaders(vectors, 0.4999).tolist() == [0, 0]


def test_blocks_change_nothing() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2500, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors.astype(np.float64) @ vectors.T
    expected: list[int] = []
    leaders: list[int] = []
    for i in range(len(vectors)):
        nearest = max(leaders, key=lambda leader: cosines[i, leader], default=-1)
        if nearest < 0 or cosines[i, nearest] <= 0.97:
            nearest = i
            leaders.append(i)
        expected.append(nearest)
    assert len(leaders) > 1024  # more than one block of them
    assert assign_leaders(vectors, 0.97).tolist() == expected


def test_the_medoid_is_the_nearest_to_the_clusters_rows() -> None:
    counts: Counts = {"a": {"": (4, 0)}, "b": {"": (3, 0)}, "c": {"": (2, 0)}}
    # a at 0, b at 30, c at 20 degrees. Weighted means of cosines over 9 rows:
    # a (4 + 3*.866 + 2*.940) / 9 = .942, b (4*.866 + 3 + 2*.985) / 9 = .937, c (4*.940 + 3*.985 + 2) / 9 = .968
    taxonomy = build_taxonomy(counts, ["a", "b", "c"], plane(0, 30, 20), threshold=0.8, embedder="e")
    assert [cluster.name for cluster in taxonomy.clusters] == ["c"]
    assert list(taxonomy.clusters[0].members) == ["a", "b", "c"]
    # with 100 rows of a: a (100 + .866 + .940) / 102 = .998, c (94.0 + .985 + 1) / 102 = .941
    counts = {"a": {"": (100, 0)}, "b": {"": (1, 0)}, "c": {"": (1, 0)}}
    taxonomy = build_taxonomy(counts, ["a", "b", "c"], plane(0, 30, 20), threshold=0.8, embedder="e")
    assert [cluster.name for cluster in taxonomy.clusters] == ["a"]


def test_clusters_come_by_rows_and_equal_ones_by_name() -> None:
    counts: Counts = {"d": {"": (1, 0)}, "c": {"": (2, 0)}, "b": {"": (2, 0)}, "a": {"": (0, 2)}}
    names = frequent_names(counts)
    assert names == ["a", "b", "c", "d"]
    # c and d are one cluster of three rows
    taxonomy = build_taxonomy(counts, names, plane(0, 90, 180, 190), threshold=0.8, embedder="e")
    assert [(cluster.name, cluster.rows) for cluster in taxonomy.clusters] == [("c", 3), ("a", 2), ("b", 2)]


def test_no_principles_give_an_empty_taxonomy_that_is_read_back() -> None:
    taxonomy = build_taxonomy({}, [], np.zeros((0, 4), np.float32), threshold=0.8, embedder="ngram@1")
    assert taxonomy.clusters == ()
    assert parse_taxonomy(to_yaml(taxonomy), "t.yaml") == taxonomy


def test_what_is_written_is_read_back() -> None:
    taxonomy = replace(made(), names_left_out=7)
    assert parse_taxonomy(to_yaml(taxonomy), "t.yaml") == taxonomy
    edited = replace(taxonomy, clusters=(replace(taxonomy.clusters[0], drop=True, cap=5), taxonomy.clusters[1]))
    assert parse_taxonomy(to_yaml(edited), "t.yaml") == edited


def test_other_yaml_readers_see_the_same_text() -> None:
    names = ["no", "null", "yes", "1.5", "a: b", "a #b", "- a", 'say "x"', "back\\slash", "日本語", "x" * 1500, "tone "]
    cluster = Cluster(name="no", members={name: k + 1 for k, name in enumerate(names)})
    text = to_yaml(Taxonomy(clusters=(cluster,)))
    assert yaml.safe_load(text)["clusters"] == [{"name": "no", "rows": 78, "members": dict(cluster.members)}]


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip())


@given(st.dictionaries(texts, st.integers(1, 10**9), min_size=1), texts)
def test_any_text_survives_the_file(members: dict[str, int], name: str) -> None:
    taxonomy = Taxonomy(clusters=(Cluster(name=name, members=members),))
    assert parse_taxonomy(to_yaml(taxonomy), "t.yaml") == taxonomy


EDITED = """\
clusters:
- name: accuracy
  cap: 10
  members:
    accuracy of information: 30
    information accuracy: 10
- name: style
  drop: true
  members:
    code style: 5
    Readability:
"""


def test_rename_merge_drop_and_pass_through() -> None:
    index = index_members(parse_taxonomy(EDITED.replace("  cap: 10\n", ""), "t.yaml"))
    assert apply_taxonomy(index, "information accuracy", "r1") == Applied("accuracy", "kept")
    assert apply_taxonomy(index, "Information Accuracy", "r1") == Applied("accuracy", "kept")
    assert apply_taxonomy(index, "accuracy", "r1") == Applied("accuracy", "kept")
    assert apply_taxonomy(index, "readability", "r1") == Applied("style", "dropped")
    assert apply_taxonomy(index, "tone", "r1") == Applied("tone", "kept")


def test_a_cap_keeps_about_its_number_of_rows_and_always_the_same_ones() -> None:
    index = index_members(parse_taxonomy(EDITED.replace(": 30", ": 9000").replace("cap: 10", "cap: 901"), "t.yaml"))
    fates = [apply_taxonomy(index, "accuracy", f"row {i}").fate for i in range(9010)]
    # binomial: 9010 draws of probability 901 / 9010, standard deviation 28
    assert abs(fates.count("kept") - 901) < 4 * 28
    assert fates.count("kept") + fates.count("capped") == 9010
    assert [apply_taxonomy(index, "information accuracy", f"row {i}").fate for i in range(9010)] == fates


def test_a_cap_above_the_rows_keeps_everything() -> None:
    index = index_members(parse_taxonomy(EDITED.replace("cap: 10", "cap: 40"), "t.yaml"))
    assert {apply_taxonomy(index, "accuracy", str(i)).fate for i in range(1000)} == {"kept"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  drop: true", "  drob: true", "t.yaml line 8: unknown key 'drob'; did you mean 'drop'?"),
        ("  drop: true", "  colour: red", "t.yaml line 8: unknown key 'colour'; known are name, drop, cap, rows,"),
        ("  drop: true", "  drop: maybe", "t.yaml line 8: drop must be true or false, not 'maybe'."),
        ("clusters:", "cluster:", "t.yaml line 1: unknown key 'cluster'; did you mean 'clusters'?"),
        ("clusters:", "threshold: 0.8", "t.yaml line 2: this is not YAML"),
        ("cap: 10", "cap: ten", "t.yaml line 3: cap must be a whole number of 0 or more, not 'ten'."),
        ("cap: 10", "cap: -1", "t.yaml line 3: cap must be a whole number of 0 or more, not '-1'."),
        ("cap: 10", "cap: 0", "t.yaml line 3: cap is 0; write drop: true instead."),
        ("30", "many", "t.yaml line 5: accuracy of information must be a whole number of 0 or more, not 'many'."),
        ("name: style", "name: Accuracy", "t.yaml line 7: two clusters are named 'Accuracy'; move the members into"),
        (
            "code style",
            "accuracy of information",
            "t.yaml line 7: 'accuracy of information' is a member of 'accuracy' and of",
        ),
        (
            "information accuracy",
            "accuracy of information",
            "t.yaml line 6: the key 'accuracy of information' stands twice",
        ),
        ("name: style", "name:", "t.yaml line 7: name must be text."),
        ("- name: style\n  drop", "- drop", "t.yaml line 7: the cluster has no `name`; every cluster needs one."),
        ("  members:\n    code style: 5\n    Readability:\n", "", "t.yaml line 7: the cluster has no `members`;"),
        (
            "    code style: 5\n    Readability:\n",
            "    - code style\n",
            "t.yaml line 10: members of 'style' must be a map",
        ),
        (": 30\n    information accuracy: 10", ":", "t.yaml line 3: cap of 'accuracy' needs the members' rows;"),
        ("clusters:", "taxonomy: 2\nclusters:", "t.yaml line 1: this is format 2; this version reads format 1."),
        ("clusters:", "threshold: 0.8.1\nclusters:", "t.yaml line 1: threshold must be a number, not '0.8.1'."),
    ],
)
def test_mistakes_name_line_and_key(old: str, new: str, message: str) -> None:
    assert EDITED.count(old) >= 1
    with pytest.raises(ConfigError) as caught:
        parse_taxonomy(EDITED.replace(old, new, 1), "t.yaml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.yaml is empty; it needs the key `clusters`."),
        ("threshold: 0.8", "t.yaml line 1: the key `clusters` is missing; a taxonomy needs it."),
        ("clusters: 5", "t.yaml line 1: clusters must be a list, entries that begin with `- `."),
        ("- a", "t.yaml line 1: the file must be a mapping, lines of the form `key: value`."),
        ("clusters:\n- name: a\n  members: {}", "t.yaml line 3: the cluster 'a' has no members; delete the cluster."),
        ("a: \x00", "t.yaml: this is not YAML:"),
        (
            "clusters:\n- name: a\n  members: {a: 1}\n  domains: {code: {rows: 1, yes_rate: 1.0}}",
            "t.yaml line 4: domain 'code' has no `lift`; delete the domain or complete it.",
        ),
    ],
)
def test_other_files_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_taxonomy(text, "t.yaml")
    assert str(caught.value).startswith(message)
