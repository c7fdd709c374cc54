from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stages.models.conversation import ConversationEncoder
from stages.train_rm.batch import Pair
from stages.train_rm.examples import Comparison
from stages.train_rm.forks import plant_comparisons
from stages.train_rm.pairs import compare
from tests.tiny_families import answering_tokenizer
from tests.train_rm.rows import comparison, examples

TOKENIZER = answering_tokenizer()
ENCODER = ConversationEncoder(TOKENIZER, 4096)


def pair(chosen: str, rejected: str, place: int = 0, prompt: Any = "Hi", **more: Any) -> Comparison:
    return comparison(place, prompt=prompt, chosen=chosen, rejected=rejected, **more)


def num_shared(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    count = 0
    while count < min(len(first), len(second)) and first[count] == second[count]:
        count += 1
    return count


TEXTS = st.sampled_from(["", "It", "It is", "It is clear.", "is"])


@settings(max_examples=40)
@given(st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from([0.0, 1.0])), max_size=6))
def test_forks_hold_each_pair_of_whole_chats(rows: list[tuple[str, str, float]]) -> None:
    given_pairs = [pair(a, b, place, margin=margin) for place, (a, b, margin) in enumerate(rows)]
    planted = plant_comparisons(given_pairs, ENCODER)
    found = []
    for piece in planted.pieces:
        (tree,) = piece.trees
        first, second = (tree.prefix + suffix for suffix in tree.suffixes)
        assert all(tree.suffixes)
        assert tree.prefix
        # the longest common prefix that leaves a token on either side
        longest = num_shared(first, second)
        assert len(tree.prefix) == min(longest, len(first) - 1, len(second) - 1)
        whole = (first, second)
        found += [(whole[one.better], whole[one.worse], one.margin) for one in piece.pairs]
        assert len(piece.rows) == 2
        assert piece.targets == ()
    ids = [[ENCODER.encode(*answer).ids for answer, _ in one.sides] for one in given_pairs]
    wanted = [
        (better, worse, one.margin) for (better, worse), one in zip(ids, given_pairs, strict=True) if better != worse
    ]
    assert sorted(found) == sorted(wanted)
    same = {place for place, (better, worse) in enumerate(ids) if better == worse}
    assert planted.dropped == dict.fromkeys(sorted(same), "same_text")


def test_comparisons_of_the_same_two_share_a_tree() -> None:
    rows = examples(
        ("Hi", "a", "tone", True),
        ("Hi", "b", "tone", False),
        ("Hi", "a", "clarity", False),
        ("Hi", "b", "clarity", True),
    )
    (piece,) = plant_comparisons(compare(rows, [], "principle", 0.5), ENCODER).pieces
    assert piece.pairs == (Pair(0, 1, 0.5), Pair(1, 0, 0.5))
    assert piece.rows == (0, 1)


def test_text_that_continues_the_other_keeps_its_last_token_apart() -> None:
    bare = ConversationEncoder(answering_tokenizer("{% for m in messages %}{{ m.content }}{% endfor %}"), 4096)
    (piece,) = plant_comparisons([pair("abc", "ab")], bare).pieces
    ids = tuple(TOKENIZER("Hiabc")["input_ids"])
    assert piece.trees[0].prefix == ids[: len(piece.trees[0].prefix)]
    assert [len(suffix) for suffix in piece.trees[0].suffixes] == [2, 1]


def test_row_of_a_dropped_pair_stays_if_another_pair_rests_on_it() -> None:
    rows = examples(("Hi", "a", "tone", True), ("Hi", "a ", "tone", False), ("Hi", "b", "tone", False))
    trimming = TOKENIZER.chat_template.replace("message['content']", "message['content'] | trim")
    encoder = ConversationEncoder(answering_tokenizer(trimming), 4096)
    planted = plant_comparisons(compare(rows, [], "principle", 0.0), encoder)
    assert [piece.rows for piece in planted.pieces] == [(0, 2)]
    assert planted.dropped == {1: "same_text"}


def test_response_that_cannot_be_written_is_a_problem_of_its_own_rows() -> None:
    refusing = "{% if messages[-1].content == 'bad' %}{{ raise_exception('no bad words') }}{% endif %}"
    encoder = ConversationEncoder(answering_tokenizer(refusing + TOKENIZER.chat_template), 4096)
    rows = examples(("Hi", "bad", "tone", True), ("Hi", "a", "tone", False))
    planted = plant_comparisons([*compare(rows, [], "principle", 0.0), pair("b", "bad", 2)], encoder)
    assert planted.pieces == ()
    assert {place: problem.reason for place, problem in planted.problems.items()} == {0: "bad_chat", 2: "bad_chat"}
    assert planted.dropped == {1: "no_pair"}


def test_cut_conversations_are_counted_and_progress_is_told() -> None:
    told: list[int] = []
    encoder = ConversationEncoder(TOKENIZER, 60)
    pairs = [pair("It is clear. " * 30, "no"), pair("a", "b", 1), pair("It is clear. " * 30, "a", 2)]
    planted = plant_comparisons(pairs, encoder, advance=told.append)
    assert planted.num_truncated == 2
    assert all(
        len(tree.prefix) + len(suffix) <= 60 for p in planted.pieces for tree in p.trees for suffix in tree.suffixes
    )
    assert told == [1, 1, 1]
