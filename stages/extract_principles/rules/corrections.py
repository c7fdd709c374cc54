"""Fixed wordings that give the right answer or step instead of a judgement. Data only."""

from stages.extract_principles.rules.idiom import ANSWER, FALLBACK, METHOD, Idiom, idiom

CORRECTIONS: tuple[Idiom, ...] = (
    idiom(
        "correct right actual proper real accurate probable likely appropriate expected ideal valid best",
        ANSWER,
        r"\b<RIGHT> (?:and \w+ )?(?!approach|step|way|method|procedure|operation|move|calculation|formula|equation"
        r"|computation)(?:\w+ ){0,2}?\w+ ?(?:to \w+ |for \w+ \w+ |in \w+ \w+ )?"
        r"(?:<IS>|would|should|will|must|could|has to|=|:)(?=\s|_|$)",
    ),
    idiom(
        "correct right",
        ANSWER,
        r"\b(?:correct|right|final|actual) (?:answer|solution|calculation|steps)s?\s*(?:[.:\n]|$)",
    ),
    idiom(
        "correct right proper actual better best",
        METHOD,
        r"\b(?:<RIGHT>|better) (?:\w+ )?(?:approach|steps?|ways?|method|procedure|operation|move|process|formula)\b"
        r"<REST>{0,60}?(?:is|are|was|would|should|will|must|to|:)\b",
    ),
    idiom(
        "calculation calculations equation computation sum math",
        "arithmetic accuracy",
        r"\b<RIGHT> (?:\w+ )?(?:calculations?|computation|equation|sum|math)\b"
        r"<REST>{0,80}?(?:\bis\b|\bare\b|\bwould\b|\bshould\b|:|=)",
    ),
    idiom("answer conclusion", ANSWER, r"\bthe (?:answer|final answer|conclusion) should \w+\b"),
    idiom(
        "fixed corrected solved",
        ANSWER,
        r"\b(?:can|could|should|needs? to) be (?:easily |simply )?(?:fixed|corrected|solved)\b",
    ),
    idiom("needs need", ANSWER, r"\bneeds? to be (?!more|less|a bit|clearer|better)\w+ed\b", tier=FALLBACK),
    idiom(
        "should",
        ANSWER,
        r"\bshould(?: not|n't)? (?:have|actually|instead|rather|first|only|simply|just)? ?"
        r"(?:be(?! (?:more|less|clearer|better|shorter|longer|simpler|easier|a bit))|been|equal|say|said|stated?|used?"
        r"|written|read|start|started|subtract|subtracted|add|added|multiply|multiplied|divide|divided|dividing"
        r"|multiplying|taken|done|calculated|interpreted?|chosen|swapped|concluded?|directed|followed)\b",
    ),
    idiom(
        "needed needs has had ought",
        ANSWER,
        r"\b<ANSWER> (?:also |only |just )?(?:needed|needs|has|had|ought) to "
        r"(?!be\b|includ|mention|provid|explain|elaborat|add\b)\w+",
    ),
    idiom("should've supposed", ANSWER, r"\bshould've\b", r"(?<!what it )(?<!what they )\b<IS> supposed to\b"),
    idiom(
        "should could would might needs",
        "completeness",
        r"\b(?:should|could|would|might|needs to) (?:also |at least |have |'ve |better )*"
        r"(?:includ|mention|provid|explain|discuss|cover|specif|elaborat|point|clarif|not(?:e|ed)\b|go(?:ne)? into"
        r"|add(?:ed)?\b(?! \d)|expand|giv)\w*",
        tier=FALLBACK,
    ),
    idiom(
        "nice good helpful better great useful",
        "completeness",
        r"\bwould (?:have been|be|'ve been) (?:\w+ )?(?:nice|good|helpful|better|great|useful)r? (?:to|if|had)\b",
        tier=FALLBACK,
    ),
    idiom(
        "instead rather",
        ANSWER,
        r"\b(?:<ANSWER>|it|they)\b(?! should)<REST>{0,120}?\b(?:instead of|rather than|and not"
        r"|instead(?! of))\b(?! (?:in )?<LANGUAGE>)",
    ),
    idiom(
        "mentioned stated suggested proposed claimed insinuated implied indicated suggests claims states implies "
        "says speculates given",
        ANSWER,
        r"\b(?:as|like|than) (?:was |is )?(?:mentioned|stated|suggested|proposed|claimed|insinuated|implied"
        r"|indicated|given) (?:by|in) (?:the )?<ANSWER>",
        r"(?<=\w )(?:as|like|than) (?:the )?<ANSWER> (?:suggests?|suggested|claims?|claimed|states?|stated|implies|says"
        r"|speculates)\b",
    ),
    idiom(
        "wrong incorrect false untrue right true",
        ANSWER,
        r"\b(?:which|this|that|it) (?:is|was) (?:\w+ )?(?:wrong|incorrect|false|untrue|not (?:right|true|correct))\b",
    ),
    idiom(
        "not wrong incorrect equal equals untrue",
        "arithmetic accuracy",
        r"\d[\d,.]* ?[-+*/x×÷] ?\(?\$?\d<REST>{0,30}=<REST>{0,25}?\b(?:not|wrong|incorrect|untrue)\b",
        r"(?:does not|doesn't|not) equal(?: to)? \$?\d",
        r"\bequals? \$?\d[\d,.]*,? (?:and )?not \$?\d",
        r"=\s?\$?\d[\d,.]*%?,? (?:and )?not \$?\d",
        r"\d ?[-+*/x×÷] ?\$?\d[\d,.]* (?:is|equals|makes) \$?\d[\d,.]*,? (?:and )?not \$?\d",
    ),
)
