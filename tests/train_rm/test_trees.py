from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.chat import Message
from stages.core.rows import Problem
from stages.models.encoding import PairEncoder
from stages.models.template import make_template
from stages.train_rm.batch import MicroBatch, Pair
from stages.train_rm.examples import Example
from stages.train_rm.pairs import opposites
from stages.train_rm.trees import Planted, plant_entailment, share_tokens
from tests.tiny_families import answering_tokenizer
from tests.train_rm.rows import examples

TOKENIZER = answering_tokenizer()
TEMPLATE = make_template(TOKENIZER)
ENCODER = PairEncoder(TEMPLATE, TOKENIZER, 4096)
SMALL = PairEncoder(TEMPLATE, TOKENIZER, 300)


def plant(rows: list[Example], encoder: PairEncoder = ENCODER, **options: Any) -> Planted:
    return plant_entailment(rows, encoder, **{"micro_tokens": 4096, **options})


def leaves(piece: MicroBatch) -> list[tuple[tuple[int, ...], float, int]]:
    """Whole token rows with their target and row, in order."""
    ids = [tree.prefix + suffix for tree in piece.trees for suffix in tree.suffixes]
    return list(zip(ids, piece.targets, piece.rows, strict=True))


ANY = st.lists(
    st.tuples(
        st.sampled_from(["Hi", "Write a poem."]),
        st.sampled_from(["", "It is clear. ", "no comments"]),
        st.sampled_from(["clarity", "Clarity", "tone"]),
        st.booleans(),
    ),
    max_size=10,
)


@settings(max_examples=40)
@given(ANY, st.booleans(), st.sampled_from([1, 120, 4096]))
def test_trees_equal_rows_encoded_one_by_one(rows: list[Any], linked: bool, micro_tokens: int) -> None:
    made = examples(*rows)
    pairs = opposites(made) if linked else []
    planted = plant(made, pairs=pairs, margin=0.5, micro_tokens=micro_tokens)
    by_row = {}
    for one in made:
        ids = TOKENIZER(TEMPLATE.render(TOKENIZER, one.messages, one.response, one.principle))["input_ids"]
        by_row[one.place] = (tuple(ids), one.target)
    found = [leaf for piece in planted.pieces for leaf in leaves(piece)]
    # each distinct (tokens, target) once, under the first of its rows
    firsts = {what: place for place, what in reversed(by_row.items())}
    assert sorted(found) == sorted((ids, target, place) for (ids, target), place in firsts.items())
    assert planted.num_merged == len(made) - len(found)
    assert (planted.problems, planted.dropped, planted.num_truncated) == ({}, {}, 0)
    # pairs are those of the rows, as far as forward passes hold them
    shown = []
    for piece in planted.pieces:
        own = leaves(piece)
        assert len(piece.trees) == 1 or piece.num_tokens <= micro_tokens
        assert all(pair.margin == 0.5 for pair in piece.pairs)
        shown += [(own[pair.better][:2], own[pair.worse][:2]) for pair in piece.pairs]
    wanted = {(by_row[made[yes].place], by_row[made[no].place]) for yes, no in pairs}
    assert len(shown) == len(set(shown)) == len(wanted) - planted.num_apart
    assert set(shown) <= wanted
    assert micro_tokens < 4096 or planted.num_apart == 0


def test_responses_are_one_tree_each() -> None:
    rows = examples(("Hi", "a", "clarity", True), ("Hi", "b", "tone", False), ("Hi", "a", "tone", False))
    pieces = plant(rows).pieces
    assert [piece.rows for piece in pieces] == [(0, 2), (1,)]
    assert [len(tree.suffixes) for piece in pieces for tree in piece.trees] == [2, 1]
    assert [piece.targets for piece in pieces] == [(1.0, 0.0), (0.0,)]


def test_equal_rows_are_one_suffix_only_if_their_targets_are_equal() -> None:
    rows = examples(("Hi", "a", "tone", True), ("Hi", "a", "tone", True), ("Hi", "a", "tone", False))
    planted = plant(rows)
    assert planted.num_merged == 1
    (piece,) = planted.pieces
    assert piece.trees[0].suffixes[0] == piece.trees[0].suffixes[1]
    assert (piece.targets, piece.rows) == ((1.0, 0.0), (0, 2))


def test_pair_of_merged_rows_is_one_pair() -> None:
    rows = examples(("Hi", "a", "tone", True), ("Hi", "b", "tone", False), ("Hi", "a", "tone", True))
    (piece,) = plant(rows, pairs=opposites(rows)).pieces
    assert piece.pairs == (Pair(0, 1, 0.0),)


def test_pairs_keep_their_trees_together() -> None:
    rows = examples(
        ("Hi", "a", "tone", True),
        ("Bye", "a", "tone", True),
        ("Hi", "b", "clarity", True),
        ("Hi", "b", "tone", False),
        ("Hi", "c", "clarity", False),
    )
    pieces = plant(rows, pairs=opposites(rows), margin=1.0).pieces
    # a - b over tone, b - c over clarity
    assert [piece.rows for piece in pieces] == [(0, 2, 3, 4), (1,)]
    assert pieces[0].pairs == (Pair(0, 2, 1.0), Pair(1, 3, 1.0))
    assert pieces[1].pairs == ()


def test_trees_that_no_pass_can_hold_lose_their_pairs() -> None:
    rows = examples(*[("Hi", f"{n} " * 20, "tone", n == 0) for n in range(4)])
    sizes = [piece.num_tokens for piece in plant(rows).pieces]
    planted = plant(rows, pairs=opposites(rows), micro_tokens=sizes[0] + sizes[1])
    assert [piece.rows for piece in planted.pieces] == [(0, 1), (2, 3)]
    assert [len(piece.pairs) for piece in planted.pieces] == [1, 0]
    assert planted.num_apart == 2


def test_principle_that_leaves_no_room_is_a_problem_of_its_row_alone() -> None:
    rows = examples(("Hi", "a", "clarity", True), ("Hi", "a", "zq " * 200, True), ("Hi", "b", "zq " * 200, False))
    planted = plant(rows, SMALL, pairs=opposites(rows))
    assert [piece.rows for piece in planted.pieces] == [(0,)]
    assert sorted(planted.problems) == [1, 2]
    problem = planted.problems[1]
    assert isinstance(problem, Problem)
    assert problem[:2] == ("principle_too_long", "principle")
    assert planted.num_apart == 0


def test_cut_conversations_are_counted_and_split_by_what_is_left() -> None:
    long = "It is clear. " * 100
    rows = examples(("Hi", long, "clarity", True), ("Hi", long, "x " * 60, True), ("Hi", long, "tone", True))
    planted = plant([*rows, *examples(("Hi", "a", "tone", True))], PairEncoder(TEMPLATE, TOKENIZER, 400))
    assert planted.num_truncated == 3
    assert [piece.rows for piece in planted.pieces] == [(0, 2), (1,), (0,)]
    assert all(piece.num_tokens <= 400 for piece in planted.pieces)


def test_empty_response_is_planted_and_progress_is_told() -> None:
    told: list[int] = []
    rows = examples(("Hi", "", "clarity", True), ("Hi", "", "tone", True), (None, "a", "tone", True))
    assert len(plant(rows, advance=told.append).pieces) == 2
    assert told == [2, 1]
    assert plant([]).pieces == ()


def test_turns_that_the_template_refuses_are_a_problem_of_their_rows() -> None:
    refusing = "{% if messages[1].content == 'bad' %}{{ raise_exception('no bad words') }}{% endif %}"
    tokenizer = answering_tokenizer(refusing + TOKENIZER.chat_template)
    encoder = PairEncoder(make_template(tokenizer), tokenizer, 300)
    rows = examples(("bad", "a", "clarity", True), ("Hi", "a", "clarity", True))
    assert rows[0].messages == (Message("user", "bad"),)
    planted = plant(rows, encoder)
    assert [piece.rows for piece in planted.pieces] == [(1,)]
    assert planted.problems[0].reason == "bad_chat"
    with pytest.raises(KeyError):
        planted.problems[1]


def test_equal_tokens_become_one_number() -> None:
    known: dict[int, int] = {}
    first, second = (share_tokens(tuple(int(text) for text in ("5000", "7", "5000")), known) for _ in range(2))
    assert first == second == (5000, 7, 5000)
    assert first[0] is first[2] is second[0]
