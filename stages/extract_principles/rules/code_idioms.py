"""Fixed wordings in feedback on code, where any change asked for says that the code is not right. Data only."""

from stages.extract_principles.rules.idiom import CODE, EXPLICIT, Idiom, idiom

CODE_IDIOMS: tuple[Idiom, ...] = (
    idiom(
        "issue problem issues trouble problems reason",
        CODE,
        r"\b(?:the|one|only|main|first|major|an|another|second|there (?:is|are)) (?:\w+ )?(?:issues?|problems?"
        r"|trouble|reason)\b<REST>{0,60}?\b(?:is|are|was|were|lies?|lay|with)\b",
    ),
    idiom(
        "fix fixes fixed correct corrected solve solved fixing repair repaired resolve resolved",
        CODE,
        r"\b(?:can|could|is|be|to|will|would|need(?:s)? to|by|minor|for the) (?:be )?(?:easily )?"
        r"(?:fix|fixed|fixing|fixes|correct(?:ed)? (?!answer)|solved?|repair(?:ed)?|resolved?)\b",
    ),
    idiom(
        "needs need should must has needed have had",
        CODE,
        r"\b(?:needs?|needed|should|must|has|have|had) (?:only |just |not |also |probably |instead )*(?:to )?"
        r"(?:be|have|return|check|use|add|remove|change|get|count|take|include|start|iterate|compare|round|convert"
        r"|append|sort"
        r"|handle|print|set|increment|multipl|subtract|divide|match|output|only|stop|split|make|create|first|reduce"
        r"|put)\w*\b",
    ),
    idiom(
        "changed change changing replace replaced replacing added add adding remove removed removing fixed switch "
        "switched make made adjust adjusted adjusting modified modify tweak map",
        CODE,
        r"(?:^|[.!?\n;:)] ?|\b(?:i|i've|we|simply|to|by|just|then|can|and|had to|is to|instead)"
        r"(?<!nice to)(?<!good to)(?<!better to)(?<!great to)(?<!helpful to) )"
        r"(?:simply |just |only |have |need to |also |had to |'ve )*"
        r"(?:chang(?:e|ed|ing) |replac(?:e|ed|ing) |add(?:ed|ing)? |remov(?:e|ed|ing) |fixed |switch(?:ed|ing)? "
        r"|ma(?:k|d)e (?:changes|it|the|sure|a)|adjust(?:ed|ing)? |modif\w+ |tweak\w* |map )",
    ),
    idiom("expected", CODE, r"\b<IS> expected\b"),
    idiom(
        "match matches update updated work produce produces support convert initialize initialized reset call called "
        "used use end ends",
        CODE,
        r"\b(?:does not|doesn't|do not|don't|isn't|is not|never|not) (?:\w+ )?(?:match(?:es)?|updated?|work|produces?"
        r"|support|convert|initialized?|reset|called?|used?|ends?)\b",
    ),
    idiom("instead", CODE, r"\binstead\b"),
    idiom(
        "undefined defined imported declared",
        "executable code",
        r"\b<IS> (?:undefined|not (?:defined|imported|declared))\b",
        tier=EXPLICIT,
    ),
    idiom(
        "correctly properly expected",
        CODE,
        r"\b(?:not|doesn't|isn't|n't|never) (?:\w+ ){0,3}?(?:correctly|properly|as expected)\b",
        tier=EXPLICIT,
    ),
    idiom(
        "return returns returned returning",
        CODE,
        r"\b(?:does not|doesn't|isn't|not|never|but|only|wrong(?:ly)?|incorrectly|instead) (?:\w+ ){0,3}?return(?:s"
        r"|ed|ing)?\b",
    ),
    idiom(
        "for handle check",
        "edge case handling",
        r"\b(?:does not|doesn't|not|fails to) (?:\w+ )?(?:work for|handle|check (?:for|that|if|whether))\b",
    ),
)
