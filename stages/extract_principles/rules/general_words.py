"""Praise and blame that take their principle from elsewhere, and adverbs: (praise, blame). Data only."""

# "correct" and "wrong": the principle is the correctness of the noun that they judge.
CORRECT: tuple[str, str] = (
    "correct, right, valid, true, flawless, exactly right, perfectly correct, one hundred percent correct",
    "incorrect, wrong, false, faulty, flawed, untrue, invalid, mistaken, off, erroneous, not right, not true, "
    "inaccurate, defective, unsound, reversed, inverted, backwards, swapped",
)

# "good" and "poor": the principle is the quality of the noun.
QUALITY: tuple[str, str] = (
    "good, great, excellent, perfect, nice, solid, strong, fine, decent, adequate, sufficient, appropriate, "
    "suitable, impressive, helpful, outstanding, superb, fantastic, amazing, wonderful, satisfactory, "
    "acceptable, proper, ideal, commendable, high quality, top notch, well done, impeccable, exemplary, "
    "brilliant, ok, okay, spot on, beautiful, best, lovely, exceptional, stellar, effective, very good, well "
    "crafted, well executed, thoughtful, praiseworthy, remarkable, meaningful, a nice touch, a plus, a good "
    "touch, spotless",
    "bad, poor, terrible, weak, lacking, inadequate, insufficient, inappropriate, unacceptable, awful, "
    "horrible, mediocre, subpar, sub par, disappointing, deficient, limited, improper, unsuitable, "
    "unsatisfactory, underwhelming, problematic, low quality, lackluster, questionable, not good enough, not "
    "up to par, not ideal, worst, atrocious, substandard, scant, scarce, a mess, a disaster, messy, sloppy, "
    "careless, lazy",
)

# "included" and "missing": the principle is the part that is there or not.
PRESENT: tuple[str, str] = (
    "included, provided, present, given, added, used, followed, respected, met, handled, covered, offered, "
    "supplied, obeyed, honored, honoured, satisfied, kept, maintained, observed, adhered to, complied with, "
    "fulfilled, addressed, matched",
    "missing, absent, lost, omitted, left out, lacking, nonexistent, non existent, ignored, overlooked, "
    "disregarded, neglected, violated, skipped, forgotten, broken, dropped, not there, excluded",
)

ADVERBS: dict[str, tuple[str, str]] = {
    "accuracy of information": (
        "correctly, accurately, rightly, successfully, right on, perfectly well",
        "incorrectly, wrongly, falsely, erroneously, inaccurately, mistakenly, wrong way, improperly, inappropriately",
    ),
    "clarity": (
        "clearly, lucidly, understandably, plainly",
        "confusingly, unclearly, vaguely, ambiguously",
    ),
    "conciseness": (
        "concisely, succinctly, briefly",
        "verbosely",
    ),
    "completeness": (
        "thoroughly, comprehensively, exhaustively",
        "incompletely",
    ),
    "depth": (
        "in detail, in depth, in great detail, insightfully",
        "superficially",
    ),
    "specificity": (
        "precisely, specifically and concretely",
        "",
    ),
    "soundness of reasoning": (
        "logically, coherently, sensibly",
        "illogically",
    ),
    "polite tone": (
        "politely, respectfully, kindly, courteously, diplomatically",
        "rudely, aggressively, harshly",
    ),
    "professional tone": (
        "professionally",
        "unprofessionally",
    ),
    "empathy": (
        "empathetically, compassionately",
        "",
    ),
    "code efficiency": (
        "efficiently",
        "inefficiently",
    ),
    "fluency and grammar": (
        "fluently, naturally",
        "awkwardly, ungrammatically",
    ),
    "creativity": (
        "creatively, cleverly",
        "",
    ),
    "practicality": (
        "",
        "unrealistically",
    ),
    "no repetition": (
        "",
        "repeatedly, repetitively, redundantly",
    ),
    "relevance": (
        "directly and fully",
        "",
    ),
}

# An adverb of a field turns a general word into a judgement of that field: "grammatically correct".
FIELDS: dict[str, str] = {
    "factually": "accuracy of information",
    "scientifically": "accuracy of information",
    "historically": "accuracy of information",
    "medically": "accuracy of information",
    "technically": "accuracy of information",
    "legally": "accuracy of information",
    "geographically": "accuracy of information",
    "logically": "soundness of reasoning",
    "mathematically": "arithmetic accuracy",
    "arithmetically": "arithmetic accuracy",
    "numerically": "arithmetic accuracy",
    "computationally": "arithmetic accuracy",
    "grammatically": "fluency and grammar",
    "linguistically": "fluency and grammar",
    "orthographically": "fluency and grammar",
    "stylistically": "word choice",
    "syntactically": "executable code",
    "functionally": "correctness of the code",
    "structurally": "structure",
    "ethically": "ethical content",
    "contextually": "grounding in the given context",
}
