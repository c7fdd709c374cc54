"""From comparisons to trees of tokens for Bradley-Terry: what two responses share, and what is left of either."""

from collections.abc import Sequence
from typing import Final

from stages.core.row_fields import Answer
from stages.core.rows import Problem
from stages.models.conversation import ConversationEncoder, EncodedConversation
from stages.train_rm.batch import Ids, MicroBatch, Pair, Tree
from stages.train_rm.examples import Comparison
from stages.train_rm.pairs import NO_PAIR
from stages.train_rm.trees import Advance, Planted, share_tokens

SAME_TEXT: Final = "same_text"
"""The rule that drops two responses which are the same to the model."""


def plant_comparisons(
    comparisons: Sequence[Comparison], encoder: ConversationEncoder, *, advance: Advance = lambda rows: None
) -> Planted:
    """Return one tree for every two responses that are compared: what they share, and the rest of either.

    Several comparisons of the same two are several pairs of one tree. Rows that are left with no comparison have the
    encoder's Problem with their response, or are dropped: as `same_text` where both responses have equal tokens, as
    `no_pair` where the other one has a Problem. `advance` is told of comparisons finished.
    """
    encoded = _encode(comparisons, encoder, advance)
    problems = {
        place: side
        for comparison in comparisons
        for answer, rows in comparison.sides
        for place in rows
        if isinstance(side := encoded[answer], Problem)
    }
    groups: dict[frozenset[Answer], list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(frozenset((comparison.better, comparison.worse)), []).append(comparison)
    pieces, lost, used, num_truncated = [], dict[int, str](), set[int](), 0
    for group in groups.values():
        places = [place for comparison in group for place in comparison.places]
        first, second = encoded[group[0].better], encoded[group[0].worse]
        if isinstance(first, Problem) or isinstance(second, Problem):
            lost |= dict.fromkeys(places, NO_PAIR)
        elif first.ids == second.ids:
            lost |= dict.fromkeys(places, SAME_TEXT)
        else:
            pieces.append(_fork(group, first.ids, second.ids))
            used.update(places)
            num_truncated += len(group) * (first.truncated or second.truncated)
    return Planted(
        pieces=tuple(pieces),
        problems=problems,
        dropped={place: rule for place, rule in lost.items() if place not in used and place not in problems},
        num_truncated=num_truncated,
    )


def _encode(
    comparisons: Sequence[Comparison], encoder: ConversationEncoder, advance: Advance
) -> dict[Answer, EncodedConversation | Problem]:
    encoded: dict[Answer, EncodedConversation | Problem] = {}
    known: dict[int, int] = {}
    for comparison in comparisons:
        for answer in (comparison.better, comparison.worse):
            if answer not in encoded:
                side = encoder.encode(*answer)
                encoded[answer] = (
                    side if isinstance(side, Problem) else side._replace(ids=share_tokens(side.ids, known))
                )
        advance(1)
    return encoded


def _fork(group: Sequence[Comparison], first: Ids, second: Ids) -> MicroBatch:
    """The tree of two responses, the better one of the first comparison first."""
    most = min(len(first), len(second)) - 1
    shared = next((n for n in range(most) if first[n] != second[n]), most)
    assert shared > 0, "a chat template begins all chats alike"
    pairs = [Pair(0, 1, one.margin) if one.better == group[0].better else Pair(1, 0, one.margin) for one in group]
    return MicroBatch(
        trees=(Tree(first[:shared], (first[shared:], second[shared:])),),
        pairs=tuple(pairs),
        rows=(group[0].better_rows[0], group[0].worse_rows[0]),
    )
