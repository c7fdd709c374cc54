"""Which language a text is in, by its script, or by the most frequent words of seven languages in Latin letters.

It tells no other languages in Latin letters, nothing of fewer than five words, and not Chinese or Cyrillic ones from
one another; there the answer is None.
"""

import re
import unicodedata
from collections import Counter
from typing import Final

_LETTERS: Final = re.compile(r"[^\W\d_]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_SCRIPTS: Final = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
    "GREEK": "el",
    "HEBREW": "he",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "CYRILLIC": "ru",
}
_FREQUENT: Final = {
    "en": "the of and to is that it was for on are with as at this have from or you be not but they",
    "de": "der die das und ist nicht mit ein eine zu den von auf für sich dem auch es wird im sind wie ich",
    "fr": "le les et des est une un du dans que qui pour pas sur ce il elle au avec sont plus nous vous",
    "es": "el los las y es una un del que en por con para se no su al lo como más pero son está",
    "it": "il gli e di che è una un per non sono del della con si da al anche come più nel ha",
    "pt": "o os as e é uma um do da que em por com para não se no na ao como mais mas são dos",
    "nl": "de het een en is van dat niet te op in zijn met voor die er aan ook als bij wordt",
}
_NAMES: Final = {
    "english": "en",
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "japanese": "ja",
    "korean": "ko",
    "chinese": "zh",
    "greek": "el",
    "hebrew": "he",
    "arabic": "ar",
    "hindi": "hi",
    "thai": "th",
    "russian": "ru",
}
_SETS: Final = {code: frozenset(text.split()) for code, text in _FREQUENT.items()}
LANGUAGES: Final = tuple(_NAMES.values())
_LEAST_WORDS: Final = 5
_LEAST_SHARE: Final = 0.1
_SCRIPT_SHARE: Final = 0.5
_KANA_SHARE: Final = 0.1


def code_of(name: str) -> str | None:
    """The code of a language that can be told, from its code or English name."""
    name = name.strip().lower()
    return name if name in LANGUAGES else _NAMES.get(name)


def language(text: str) -> str | None:
    """The language of a text; None where it cannot be told."""
    letters = _LETTERS.findall(text)
    if not letters:
        return None
    scripts = Counter(_SCRIPTS.get(_script(letter), "latin") for letter in letters)
    if scripts["ja"] >= _KANA_SHARE * len(letters) and scripts["ja"] + scripts["zh"] >= _SCRIPT_SHARE * len(letters):
        return "ja"
    script, number = max(scripts.items(), key=lambda pair: pair[1])
    if script != "latin":
        return script if number >= _SCRIPT_SHARE * len(letters) else None
    return _by_words([word.lower() for word in _WORD.findall(text)])


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").partition(" ")[0]


def _by_words(words: list[str]) -> str | None:
    """The language with the most frequent words in it, where these are a tenth of all and more than any other's."""
    hits = sorted(((sum(word in known for word in words), code) for code, known in _SETS.items()), reverse=True)
    if len(words) < _LEAST_WORDS or hits[0][0] < max(2, _LEAST_SHARE * len(words)) or hits[0][0] == hits[1][0]:
        return None
    return hits[0][1]
