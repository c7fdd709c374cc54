import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.chat import Message
from stages.models.truncation import CUT, Conversation, fit_conversation

SYSTEM = Message("system", "S" * 5)


def count(chat: Conversation) -> int:
    """Ten for the frame, one a turn, one a character."""
    return 10 + sum(1 + len(message.content) for message in chat.messages) + len(chat.response)


def turns(*contents: str) -> list[Message]:
    return [Message("user" if n % 2 == 0 else "assistant", content) for n, content in enumerate(contents)]


def test_what_fits_is_kept_whole() -> None:
    chat = Conversation([SYSTEM, *turns("a", "b", "c")], "r")
    assert fit_conversation(chat, count(chat), count) == chat


def test_oldest_turns_go_first_and_a_user_turn_stays_in_front() -> None:
    # lengths: frame 10, system 6, each turn 5, response 4
    chat = Conversation([SYSTEM, *turns("aaaa", "bbbb", "cccc", "dddd", "eeee")], "rrrr")
    assert count(chat) == 45
    assert fit_conversation(chat, 44, count) == Conversation([SYSTEM, *chat.messages[3:]], "rrrr")
    assert fit_conversation(chat, 35, count) == Conversation([SYSTEM, *chat.messages[3:]], "rrrr")
    assert fit_conversation(chat, 34, count) == Conversation([SYSTEM, chat.messages[5]], "rrrr")
    assert fit_conversation(chat, 25, count) == Conversation([SYSTEM, chat.messages[5]], "rrrr")
    assert fit_conversation(chat, 24, count) == Conversation([chat.messages[5]], "rrrr")


def test_an_empty_last_user_turn_keeps_its_place() -> None:
    chat = Conversation(turns(""), "r" * 90)
    fitted = fit_conversation(chat, 50, count)
    assert fitted is not None
    assert fitted.messages == [Message("user", "")]
    assert count(fitted) <= 50


def test_turns_after_the_last_user_turn_stay_with_it() -> None:
    chat = Conversation([*turns("a" * 9, "b" * 9, "call"), Message("tool", "42")], "r")
    assert fit_conversation(chat, 20, count) == Conversation(chat.messages[2:], "r")


def test_then_the_middle_of_the_response_is_cut() -> None:
    # room for 50 - 10 - 1 = 39 characters, of which the mark takes 7 and the question 2
    chat = Conversation(turns("old", "old", "ab"), "0123456789" * 10)
    fitted = fit_conversation(chat, 50, count)
    assert fitted == Conversation(turns("ab"), "012345678901234" + CUT + "567890123456789")
    assert count(fitted) == 50


def test_question_longer_than_half_of_the_room_loses_its_beginning() -> None:
    # room for 111 - 11 = 100; the question's half holds the mark and 43 characters
    long = "".join(chr(0x4E00 + n) for n in range(200))
    fitted = fit_conversation(Conversation(turns(long), long), 111, count)
    assert fitted is not None
    assert fitted.messages[0].content == CUT + long[-43:]
    assert fitted.response == long[:22] + CUT + long[-21:]
    short = fit_conversation(Conversation(turns(long), "short"), 111, count)
    assert short == Conversation([Message("user", CUT + long[-88:])], "short")


def test_question_that_fits_into_its_half_is_whole_without_room_for_a_mark() -> None:
    # room for 31 - 11 = 20, half of it 10; five of the ten characters of the question would not fit with a mark
    fitted = fit_conversation(Conversation(turns("0123456789"), "r" * 99), 31, count)
    assert fitted == Conversation(turns("0123456789"), "rr" + CUT + "r")


def test_conversation_without_turns_loses_the_middle_of_its_response() -> None:
    assert fit_conversation(Conversation([], "0123456789" * 3), 27, count) == Conversation([], "01234" + CUT + "56789")
    only_system = fit_conversation(Conversation([SYSTEM], "0123456789" * 3), 27, count)
    assert only_system == Conversation([], "01234" + CUT + "56789")


def test_frame_that_does_not_fit_gives_nothing() -> None:
    assert fit_conversation(Conversation(turns("a" * 40), "r" * 40), 17, count) is None


texts = st.text("abc", max_size=40)


@settings(deadline=None)
@given(st.booleans(), st.lists(texts, max_size=5), texts, st.integers(0, 150))
def test_result_fits_and_holds_parts_of_the_conversation_only(
    system: bool, contents: list[str], response: str, limit: int
) -> None:
    chat = Conversation([*([SYSTEM] if system else []), *turns(*contents)], response)
    fitted = fit_conversation(chat, limit, count)
    if fitted is None:
        after_question = contents[-1:] if len(contents) % 2 == 0 else []
        assert limit < 10 + 1 + 2 * len(CUT) + sum(1 + len(content) for content in after_question)
        return
    assert count(fitted) <= limit
    if count(chat) <= limit:
        assert fitted == chat
    kept = [message for message in fitted.messages if message.role != "system"]
    original = [message for message in chat.messages if message.role != "system"]
    for new, old in zip(kept[::-1], original[::-1], strict=False):
        assert new == old or old.content.endswith(new.content.removeprefix(CUT))
    if CUT in fitted.response:
        head, _, tail = fitted.response.partition(CUT)
        assert response.startswith(head)
        assert response.endswith(tail)


@pytest.mark.parametrize("limit", range(25, 120))
def test_more_room_never_keeps_less(limit: int) -> None:
    chat = Conversation([SYSTEM, *turns("a" * 20, "b" * 20, "c" * 30)], "r" * 60)
    less, more = fit_conversation(chat, limit, count), fit_conversation(chat, limit + 1, count)
    assert more is not None
    assert less is not None
    assert count(less) <= count(more)
