"""Fixed wordings of criticism, mostly implicit ("the right answer is ..."), by what they are about. Data only."""

from stages.extract_principles.rules.corrections import CORRECTIONS
from stages.extract_principles.rules.idiom import ANSWER, EXPLICIT, FALLBACK, GROUNDING, REASONING, Idiom, idiom

OMISSIONS: tuple[Idiom, ...] = (
    idiom(
        "account consideration",
        "consideration of all given facts",
        r"\b<NOT> (?:\w+ )?(?:take|taking|took)\b<REST>{0,80}?\binto (?:account|consideration)",
        tier=EXPLICIT,
    ),
    idiom(
        "consider account factor ignores ignore ignored disregards acknowledge ignoring",
        "consideration of all given facts",
        r"\b<NOT> (?:\w+ )?(?:consider|account for|factor in|acknowledge)\b",
        r"\b(?:answer|response|output|it|this|and|completely) (?:\w+ )?(?:ignore[sd]?|disregards?|ignoring) "
        r"(?:that|the (?:fact|word|part|context|larger|premise|information|detail)|this|how|what|\w+ part)\b",
        tier=EXPLICIT,
    ),
    idiom("only", "completeness", r"\b<ANSWER> (?:\w+ )?only (?!issue|problem|wrong|need)\w+(?:s|ed)\b"),
    idiom(
        "just merely simply",
        "completeness",
        r"\b(?:it|<ANSWER>) (?:just|merely|simply) (?:lists|states|says|mentions|gives|repeats|names)\b",
    ),
    idiom(
        "conclusive definite definitive justifiable final",
        "conclusiveness of the answer",
        r"\b(?:no|not|wasn't|isn't|without|hasn't given|any)(?: \w+)? (?:conclusive|definite|definitive|justifiable"
        r"|final|clear) (?:answer|conclusion)\b",
        tier=EXPLICIT,
    ),
    idiom(
        "provide give offer pick choose select",
        "conclusiveness of the answer",
        r"\b(?:does not|doesn't|did not|didn't|not|fails to|cannot) (?:actually |really )?(?:provide|give|offer"
        r"|reach|pick|choose|select) (?:an|a|any|one|the)(?: \w+)? (?:answer|conclusion|option|choice)s?\b",
        tier=EXPLICIT,
    ),
    idiom(
        "answer",
        "answering the question asked",
        r"\b<NOT> (?:\w+ )?(?:able to )?answer\b",
        tier=EXPLICIT,
    ),
    idiom(
        "explain tell show clarify justify say explaining",
        "justification",
        r"\b(?:does not|doesn't|did not|didn't|without|fails to|never|not) (?:\w+ )?(?:explain|tell us|tell|show"
        r"|clarify|justify|say)(?:ing)? (?:why|how|where|which)\b",
        tier=EXPLICIT,
    ),
    idiom(
        "unclear clear idea tell comprehend sure",
        "clarity of the derivation",
        r"\b(?:unclear|not (?:exactly |entirely |really )?clear|isn't clear|no idea|hard to tell|can't tell|not sure"
        r"|can't (?:comprehend|understand|follow)) (?:where|how|why|what|whom|which)\b",
    ),
    idiom(
        "where",
        "clarity of the derivation",
        r"\bwhere (?:does|did|is|are|do|was) <REST>{1,60}\bcom(?:e|es|ing) from",
        r"\bwhere (?:\w+ ){1,5}(?:come|comes|came|coming) from",
    ),
)

GROUNDS: tuple[Idiom, ...] = (
    idiom(
        "mentioned stated provided supported implied indicated found specified brought said discussed given based "
        "accounted",
        GROUNDING,
        r"\b(?:not|never|isn't|wasn't|aren't|weren't|hasn't been|nowhere)(?: \w+)? (?:been )?(?:mentioned|stated"
        r"|provided|supported|implied|indicated|found|specified|brought up|said|discussed|given|based"
        r"|accounted for)(?: \w+){0,4}? (?:in|by|on) (?:the |this |any )?(?:\w+ )?<SOURCE>",
        tier=EXPLICIT,
    ),
    idiom(
        "mention indication evidence basis backing support reason nothing suggestion not isn't aren't wasn't",
        GROUNDING,
        r"(?:^|[.!?\n,] ?)there(?: is|'s| was| are) (?:\w+ )?(?:no|not any|n't any) (?:\w+ )?"
        r"(?:mention|indication|evidence|basis|backing|support|reason to|suggestion)\b",
        r"\bnothing (?:\w+ ){0,3}(?:about|in) (?:the |this )?(?:\w+ ){0,2}<SOURCE>",
        r"\b(?:says|said) nothing about",
        r"\bno (?:mention|indication) (?:of|that)",
        r"\b(?:not|isn't|aren't|wasn't) (?:\w+ )?(?:in|part of|from) (?:the |this )?(?:original |given )?<SOURCE>\b",
    ),
    idiom(
        "context premise passage text article source story hypothesis",
        GROUNDING,
        r"\b<SOURCE> (?:\w+ )?(?:does not|doesn't|did not|never|didn't) (?:\w+ )?"
        r"(?:mention|say|state|indicate|support|imply|suggest|provide|specify)",
        r"\b(?:does not|doesn't|not) (?:\w+ )?(?:follow|respond to|match|reflect|align with|in line with"
        r"|consistent with)(?: what is in)? (?:the )?<SOURCE>\b",
        r"\b(?:outside|beyond) (?:of )?the <SOURCE>",
        r"\b<SOURCE> (?:\w+ )?(?:states?|says?|mentions?|indicates?)\b<REST>{0,140}\b(?:but|yet|however|while),? "
        r"(?:the |this )?<ANSWER>",
    ),
    idiom(
        "invented inventions fabricated made making",
        "no fabricated information",
        r"\b(?:<IS>|completely|entirely|totally) (?:invented|fabricated|made up|inventions)\b",
        r"\bmaking up facts\b",
        tier=EXPLICIT,
    ),
    idiom(
        "follow",
        REASONING,
        r"\b<DOES NOT> (?:\w+ )?follow(?: logically)?(?: to (?:conclude|say)| from| that|[.,]| either|$)",
        r"\bdoes(?: not|n't) follow (?:the )?(?:logic|context)\b",
        tier=EXPLICIT,
    ),
    idiom(
        "logic logical",
        REASONING,
        r"\b(?:no|without|fails to (?:apply|use)|not (?:apply|use)|lacks?|isn't|not)(?: any| a)? "
        r"(?:logic|logical (?:structure|sense|answer|reasoning))\b",
        tier=EXPLICIT,
    ),
    idiom("sense commonsense", "common sense", r"\b(?:common ?sense|commonsense)\b(?! (?:approach|advice))"),
    idiom(
        "imply implies mean",
        REASONING,
        r"\b(?:does not|doesn't|in no way|not) (?:necessarily )?(?:imply|implies|mean)\b",
    ),
)

OTHERS: tuple[Idiom, ...] = (
    idiom(
        "idea advisable recommended solution option work help possible impossible best applicable effective fit able "
        "ideal",
        "practicality",
        r"\bbad idea\b",
        r"\bnot (?:\w+ )?(?:a good|the best|an ideal|the ideal) (?:idea|solution|option|way|advice)\b",
        r"\bnot (?:advisable|recommended|applicable|fit for)\b",
        r"\b(?:won't|will not|would not|wouldn't) (?:\w+ )?(?:work|help|be (?:effective|useful|able|possible"
        r"|the ideal))\b",
        r"\bnot be (?:possible|the ideal)\b",
        r"\bnot possible to (?!follow|understand|read|tell)",
        r"\bimpossible to (?!follow|understand|read|tell)",
    ),
    idiom(
        "damage harm ruin injure injury dangerous hurt",
        "safety",
        r"\b(?:could|can|will|might|may|would) (?:\w+ )?(?:cause (?:\w+ ){0,4}?(?:damage|harm|injury)|ruin|harm|hurt"
        r"|injure|damage|be dangerous)\b",
    ),
    idiom(
        "need needed needs required necessary",
        "relevance",
        r"\bno need (?:to|of|for)\b",
        r"\b(?:don't|doesn't|do not|does not) need to (?:know|repeat|be)\b",
        r"\bnot (?:really )?(?:needed|required|necessary)\b",
    ),
    idiom("tangent", "relevance", r"\bgoes (?:off )?on (?:an? )?(?:\w+ )?tangent", tier=EXPLICIT),
    idiom(
        "instead rather not mixes mixed mixing mix switches switched switching switch alternates",
        "language match with the prompt",
        r"\b(?:mix(?:es|ed|ing)?|switch(?:es|ed|ing)?|alternates?) (?:between |to |into |back to )?<LANGUAGE>\b",
        r"\bin <LANGUAGE>,? (?:instead of|rather than|and not|not)\b",
        r"\b(?:instead of|rather than|not) (?:in )?<LANGUAGE>\b",
        tier=EXPLICIT,
    ),
    idiom(
        "but yet however instead whereas",
        "instruction following",
        r"\b(?:the |my )?(?:question|prompt|user|task|instruction|request|i)\b<REST>{0,30}\b"
        r"(?:asks?|asked|wants?|wanted|requests?|requested|requires?|required|specif(?:y|ies|ied)|said|instructed)\b"
        r"<REST>{0,140}\b(?:but|yet|however|instead|whereas),? (?:the |this |it |only |there )",
    ),
    idiom(
        "beyond",
        "depth",
        r"\b(?:goes|went|going) (?:above and )?beyond (?:what|the basics|simply|just|expectations)\b",
        tier=EXPLICIT,
        verdict="yes",
    ),
    idiom("track", ANSWER, r"\bon the right track\b", tier=EXPLICIT, verdict="partially"),
    idiom(
        "close",
        ANSWER,
        r"\bclose to (?:being )?(?:correct|right|successful|working|the (?:correct|right))\b",
        tier=EXPLICIT,
        verdict="partially",
    ),
)

# The annotator retells the response or the source in order to contradict it.
RETELLINGS: tuple[Idiom, ...] = (
    idiom(
        "but however yet whereas given though which",
        ANSWER,
        r"\b<ANSWER>(?:'s)? (?:\w+ )?(?:states?|says?|said|stated|claims?|suggests?|suggested|concludes?|infers?|writes"
        r"|wrote|implies|thinks|seems to|assumes|tries)\b"
        r"[^\n]{0,160}?\b(?:but|however|yet|whereas|given|though|which)\b",
        tier=FALLBACK,
    ),
    idiom(
        "context premise narrator hypothesis passage",
        ANSWER,
        r"\b(?:context|premise|narrator|hypothesis|passage)\b<REST>{0,40}\b(?:states?|says?|mentions?|suggests?"
        r"|implies|infers|clearly|cannot|wants?|needs?|not)\b",
        r"^from the context\b",
        tier=FALLBACK,
    ),
    idiom(
        "cannot can't can not don't isn't shouldn't wouldn't",
        ANSWER,
        r"\b(?:you|we|one|it|there) (?:cannot|can't|should not|shouldn't|can not|don't|isn't|wouldn't)\b",
        r"\bis not (?:to be|the)\b",
        r"\bnot (?:\w+ ){1,6}but\b",
        r"(?:,|\band) not (?!only)\b",
        r"\bnot because\b",
        tier=FALLBACK,
    ),
    idiom(
        "issue problem issues problems",
        ANSWER,
        r"\b(?:main|only|biggest|major|first|one|the|another|an) (?:\w+ )?(?:issue|problem)s? (?:with|is|here|was|in"
        r"|are|lies)\b",
        tier=FALLBACK,
    ),
)

IDIOMS: tuple[Idiom, ...] = CORRECTIONS + OMISSIONS + GROUNDS + OTHERS + RETELLINGS
