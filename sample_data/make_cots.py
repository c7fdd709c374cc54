"""How cots.jsonl and core.jsonl are made: `python sample_data/make_cots.py` composes them from cot_phrases.yaml.

A chain of thought is put together in one of six styles. Its numbers are computed here: of a right one every statement
holds but those that it takes back, of a wrong one a number is off and what follows is worked out from that.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import yaml

HERE: Final = Path(__file__).resolve().parent

SEED: Final = 11
NUM_QUESTIONS: Final = 60
NUM_POOL: Final = 400
NUM_CORE: Final = 12
NUM_COPIES: Final = 8
"""Completions that stand in the pool twice; as many more differ from another in the last words alone."""
LIKENESS: Final = 0.8
"""No two other chains of a question are more alike than this."""
NUM_SHARED: Final = 2
"""Core rows that are in the pool, too."""
RATES: Final = (0, 0, 1, 3, 5, 6, 7, 7, 8, 8)
"""Success rates of questions, in eighths."""

STYLES: Final = {"direct": 5, "planned": 4, "checked": 3, "cases": 3, "reflective": 3, "rambling": 4}
"""How often each is drawn, of 22."""
EDGE: Final = {"reflective": 0.25, "rambling": -0.25}
"""What a style adds to the chance to be right, which else is the success rate of the question."""

CLAIMS: Final = {
    "{other} lies.": lambda own, other: not other,
    "{other} tells the truth.": lambda own, other: other,
    "We both lie.": lambda own, other: not own and not other,
    "At least one of us lies.": lambda own, other: not (own and other),
    "Exactly one of us tells the truth.": lambda own, other: own != other,
    "We are of the same kind.": lambda own, other: own == other,
}
WORLDS: Final = {"tt": (True, True), "tf": (True, False), "ft": (False, True), "ff": (False, False)}

Fields = Mapping[str, Any]
Row = dict[str, Any]


class Question(NamedTuple):
    """What is asked, and the numbers of a solution without and with a slip."""

    kind: str
    prompt: str
    right: Fields
    wrong: Fields
    rate: float


def pool() -> list[Row]:
    """The rows of cots.jsonl."""
    random, phrases, rows = Random(SEED + 1), _phrases(), list[Row]()
    questions = _questions(phrases)
    while len(rows) < NUM_POOL - 2 * NUM_COPIES - NUM_SHARED:
        number = len(rows) % NUM_QUESTIONS
        row = _row(random, phrases, questions[number], f"q-{number:02d}", _style(random))
        if not any(_alike(row["completion"], other["completion"]) for other in rows[number::NUM_QUESTIONS]):
            rows.append(row)
    long = [row for row in rows if len(row["completion"].split()) >= 120]
    rows += random.sample(rows, NUM_COPIES)
    for row in random.sample(long, NUM_COPIES):
        ending = _one(random, phrases, "endings")
        rows.append(_with_entropy(random, {**row, "completion": f"{row['completion']} {ending}"}))
    rows += core()[:NUM_SHARED]
    random.shuffle(rows)
    return [{**row, "id": f"cot-{number:03d}"} for number, row in enumerate(rows)]


def core() -> list[Row]:
    """The rows of core.jsonl: right chains of the reflective style, to questions of their own."""
    random, phrases, rows = Random(SEED + 2), _phrases(), list[Row]()
    for number, one in enumerate(_questions(phrases)[NUM_QUESTIONS:]):
        row = _row(random, phrases, one._replace(rate=1.0), f"core-q-{number:02d}", "reflective")
        rows.append({**row, "id": f"core-{number:02d}"})
    return rows


def text(rows: Sequence[Row]) -> str:
    """The rows as they stand in their file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _phrases() -> dict[str, Any]:
    phrases: dict[str, Any] = yaml.safe_load((HERE / "cot_phrases.yaml").read_text(encoding="utf-8"))
    return phrases


def _one(random: Random, phrases: Mapping[str, Any], name: str) -> str:
    return str(random.choice(phrases[name]))


def _questions(phrases: Mapping[str, Any]) -> list[Question]:
    """Different questions, the kinds in turn: those of the pool, then those of the core set."""
    random, found = Random(SEED), dict[str, Question]()
    while len(found) < NUM_QUESTIONS + NUM_CORE:
        kind = tuple(KINDS)[len(found) % len(KINDS)]
        right, wrong = KINDS[kind](random, phrases)
        prompt = _one(random, phrases["kinds"][kind], "prompt").format(**right)
        rate = random.choice(RATES) / 8
        if min(right["answer"], wrong["answer"]) >= 0 and right["answer"] != wrong["answer"]:
            found.setdefault(prompt, Question(kind, prompt, right, wrong, rate))
    return list(found.values())


def _alike(one: str, other: str) -> bool:
    """Whether two texts share more than `LIKENESS` of their runs of five words."""
    ours, theirs = ({tuple(words[k : k + 5]) for k in range(len(words) - 4)} for words in (one.split(), other.split()))
    return len(ours & theirs) > LIKENESS * len(ours | theirs)


def _style(random: Random) -> str:
    return random.choices(tuple(STYLES), tuple(STYLES.values()))[0]


def _row(random: Random, phrases: Mapping[str, Any], question: Question, name: str, style: str) -> Row:
    kind = phrases["kinds"][question.kind]
    if style == "cases" and "cases" not in kind:
        style = "planned"
    is_right = random.random() < question.rate + EDGE.get(style, 0.0)
    said = _steps(random, kind, phrases["moves"], question, style, is_right)
    row = {
        "id": "",
        "question_id": name,
        "prompt": question.prompt,
        "completion": "\n\n".join(said),
        "correct": is_right,
        "success_rate": question.rate,
        "type": kind["type"],
        "style": style,
    }
    return _with_entropy(random, row)


def _steps(
    random: Random, kind: Mapping[str, Any], moves: Mapping[str, Any], question: Question, style: str, is_right: bool
) -> list[str]:
    """The steps of one chain."""
    fields = question.right if is_right else question.wrong

    def move(*names: str) -> list[str]:
        return [_one(random, moves, name).format(**fields) for name in names]

    def own(name: str, filled: Fields = fields) -> list[str]:
        steps = kind.get(name, [])
        return [step.format(**filled) for step in ([steps] if isinstance(steps, str) else steps)]

    def perhaps(*names: str) -> list[str]:
        return [step for name in names if random.random() < 0.5 for step in move(name)]

    restate = [random.choice(own("restate"))]
    end = move("answer")
    if style == "direct":
        return [*perhaps("plan"), *own("compute")[-2:], *end] if random.random() < 0.5 else [*own("compute"), *end]
    if style == "planned":
        return [*restate, *move("plan"), *own("define"), *own("compute"), *perhaps("recap"), *end]
    if style == "checked":
        check = own("verify") if is_right else move("no_check")
        return [*restate, *own("define"), *own("compute"), *check, *move("recap"), *end]
    if style == "cases":
        return [*restate, *perhaps("plan", "observe"), *own("cases"), *perhaps("recap"), *end]
    if style == "rambling":
        lost = [step for _ in range(random.randint(1, 9)) for step in move("doubt", "guess")]
        places = sorted(random.sample(range(len(lost) + 1), 2))
        compute = own("compute")
        return [*lost[: places[0]], *compute[:1], *lost[places[0] : places[1]], *compute[1:], *lost[places[1] :], *end]
    begin = [*restate, *move("plan"), *own("define"), *perhaps("observe", "recall")]
    if not is_right:
        return [*begin, *own("compute"), *move("no_check", "no_alternative"), *perhaps("observe"), *move("recap"), *end]
    at, compute = kind["slip_at"], own("compute")
    turned = [*compute[:at], *own("slip", question.wrong), move("backtrack")[0] + own("mended")[0], *compute[at + 1 :]]
    first, *others = own("alternative")
    other_way = [move("alternative")[0] + first, *others, *move("agree")]
    return [*begin, *turned, *own("verify"), *perhaps("observe"), *other_way, *perhaps("recall"), *move("recap"), *end]


BURSTS: Final = ("wait", "hold", "alternatively", "another", "maybe", "perhaps", "i", "suppose", "case", "let", "now")


def _with_entropy(random: Random, row: Row) -> Row:
    """The row with made-up entropies, one a word: high where a step begins, low in formulas, lower towards the end."""
    values: list[float] = []
    base = {"rambling": 0.5, "direct": 0.15}.get(row["style"], 0.3)
    for step in row["completion"].split("\n\n"):
        for place, word in enumerate(step.split()):
            height = base * random.random() ** 2
            if place < 3:
                height += (1.8 if word.lower().strip(",.") in BURSTS else 0.9) * random.random() * (1 - place / 4)
            if any(letter.isdigit() for letter in word) or word in ("=", "*", "+", "-", "/"):
                height *= 0.2
            values.append(round(height * (1.2 - 0.4 * len(values) / 300), 3))
    return {**row, "entropy": values}


def _change(random: Random, phrases: Mapping[str, Any]) -> tuple[Fields, Fields]:
    a, p, n, v = random.randint(3, 9), random.randint(23, 79), random.randint(4, 9), random.choice((100, 200))
    tens, units, paid = p - p % 10, p % 10, n * v
    who, things = _one(random, phrases, "people"), _one(random, phrases, "things")

    def fields(slip: int) -> Fields:
        cost, part_tens, part_units = a * p + slip, a * tens, a * units + slip
        return {**given, "cost": cost, "part_tens": part_tens, "part_units": part_units, "answer": paid - cost}

    given = {"a": a, "p": p, "n": n, "v": v, "who": who, "things": things, "tens": tens, "units": units, "paid": paid}
    return fields(0), fields(random.choice((-20, -10, 10, 20)))


def _power(random: Random, phrases: Mapping[str, Any]) -> tuple[Fields, Fields]:
    b, m = random.randint(12, 39), random.choice((7, 9, 11, 13))
    square = b * b
    q = square // m

    def fields(r: int) -> Fields:
        again, cube, r3 = r * r, r * b, r * b % m
        answer, fourth = again % m, r3 * b
        more = {"multiple": again - answer, "q2": again // m, "q4": fourth // m, "answer": answer}
        return {**given, "r": r, "again": again, "cube": cube, "r3": r3, "fourth": fourth, **more}

    given = {"b": b, "m": m, "square": square, "q": q}
    return fields(square % m), fields(square % m + 1)


def _pair(random: Random, phrases: Mapping[str, Any]) -> tuple[Fields, Fields]:
    small, d = random.randint(3, 30), random.randint(2, 19)
    s = 2 * small + d

    def fields(x: int) -> Fields:
        return {**given, "x": x, "y": s - x, "answer": x * (s - x)}

    given = {"s": s, "d": d, "twice": s + d, "ss": s * s, "dd": d * d, "between": s * s - d * d}
    return fields(small + d), fields(small + d + 1)


def _field(random: Random, phrases: Mapping[str, Any]) -> tuple[Fields, Fields]:
    width, apart = random.randint(5, 40), random.randint(1, 9)
    k, mean = 2 * apart, width + apart

    def fields(w: int) -> Fields:
        return {**given, "w": w, "l": w + k, "answer": w * (w + k)}

    given = {"perimeter": 4 * mean, "half": 2 * mean, "k": k, "even": 2 * mean - k, "mean": mean, "apart": apart}
    return fields(width), fields(width + random.choice((-1, 1)))


def _digits(random: Random, phrases: Mapping[str, Any]) -> tuple[Fields, Fields]:
    s = random.randint(3, 16)
    high, zero = min(9, s), int(s <= 9)

    def fields(low: int) -> Fields:
        count = high - low + 1
        listed = ", ".join(f"{first}{s - first}" for first in range(low, high + 1))
        more = {"low_partner": s - low, "listed": listed, "rest": count - zero, "answer": count}
        return {**given, "low": low, **more}

    given = {"s": s, "high": high, "high_partner": s - high, "zero": zero}
    return fields(max(1, s - 9)), fields(max(1, s - 9) + 1)


def _knights(random: Random, phrases: Mapping[str, Any]) -> tuple[Fields, Fields]:
    one, two = random.sample(phrases["people"], 2)
    fits: list[str] = []
    while len(fits) != 1:
        first, second = random.choice(tuple(CLAIMS)), random.choice(tuple(CLAIMS))
        values = {name: (CLAIMS[first](a, b), CLAIMS[second](b, a)) for name, (a, b) in WORLDS.items()}
        fits = [name for name in WORLDS if values[name] == WORLDS[name]]
    other = random.choice([name for name in WORLDS if sum(WORLDS[name]) != sum(WORLDS[fits[0]])])
    mixed = {**values, other: WORLDS[other], fits[0]: (not values[fits[0]][0], values[fits[0]][1])}

    def fields(fit: str, seen: Mapping[str, tuple[bool, bool]]) -> Fields:
        said = {name: " and ".join("true" if one else "false" for one in pair) for name, pair in seen.items()}
        who = {"tt": "both tell the truth", "tf": f"only {one} tells the truth"}
        who |= {"ft": f"only {two} tells the truth", "ff": "both lie"}
        return {**given, **said, "fitting": who[fit], "said": said[fit], "answer": sum(WORLDS[fit])}

    given = {"one": one, "two": two, "first": first.format(other=two), "second": second.format(other=one)}
    return fields(fits[0], values), fields(other, mixed)


KINDS: Final = {
    "change": _change,
    "power": _power,
    "pair": _pair,
    "field": _field,
    "digits": _digits,
    "knights": _knights,
}


if __name__ == "__main__":
    (HERE / "cots.jsonl").write_text(text(pool()), encoding="utf-8")
    (HERE / "core.jsonl").write_text(text(core()), encoding="utf-8")
