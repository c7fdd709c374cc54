"""Fixed wordings of criticism, mostly implicit ("the right answer is ..."), as regular expressions with trigger words.

A pattern runs only where one of its triggers occurs, and every gap in it is bounded, so that the pass stays linear.
"""

import re
from typing import NamedTuple

from stages.extract_principles.mention import Verdict

EXPLICIT, IMPLICIT, FALLBACK = 0, 1, 2


class Idiom(NamedTuple):
    """A wording, its principle and verdict, and how sure it is.

    IMPLICIT ones yield to an explicit opposite verdict on their principle; FALLBACK ones speak only where nothing else does.
    """

    triggers: tuple[str, ...]
    principle: str
    verdict: Verdict
    tier: int
    pattern: re.Pattern[str]


_ANSWER = (
    r"(?:answers?|response|output|model|solution|reply|completion|code|function|program|summary|assistant|script|"
    r"sample|query|implementation|list|poem|essay|story|email|translation|letter|code snippet)"
)
_SOURCE = r"(?:context|premise|passage|text|article|story|source|document|paragraph|narrator|hypothesis|input)"
_NEG = r"(?:does not|doesn't|did not|didn't|do not|don't|fails to|failed to|never|without|not|cannot|forgot to|isn't|wasn't)"
_RIGHT = (
    r"(?:correct|right|actual|proper|real|accurate|most probable|most likely|appropriate|expected|ideal|valid|best)"
)
_LANGUAGE = (
    r"(?:english|spanish|french|german|italian|portuguese|chinese|mandarin|japanese|korean|russian|arabic|hindi|dutch|polish|"
    r"turkish|vietnamese|indonesian|swedish|greek|hebrew|thai|ukrainian|czech)"
)
_CORRECTNESS = "correctness of the answer"
_METHOD = "correctness of the method"
_GROUNDING = "grounding in the given context"


def _idiom(triggers: str, principle: str, pattern: str, tier: int = IMPLICIT, verdict: Verdict = "no") -> Idiom:
    return Idiom(tuple(triggers.split()), principle, verdict, tier, re.compile(pattern))


IDIOMS: tuple[Idiom, ...] = (
    # What the right thing would have been.
    _idiom(
        "correct right actual proper real accurate probable likely appropriate expected ideal valid best",
        _CORRECTNESS,
        rf"\b{_RIGHT} (?:and \w+ )?(?!approach|step|way|method|procedure|operation|move|calculation|formula|equation|computation)"
        r"(?:\w+ ){0,2}?\w+ ?(?:to \w+ |for \w+ \w+ |in \w+ \w+ )?(?:is|are|was|were|would|should|will|must|could|has to|=|:)(?= |$|\s|_)",
    ),
    _idiom(
        "correct right proper actual better best",
        _METHOD,
        rf"\b(?:{_RIGHT}|better) (?:\w+ )?(?:approach|steps?|ways?|method|procedure|operation|move|process|formula)\b[^.!?\n]{{0,60}}?"
        r"(?:is|are|was|would|should|will|must|to|:)\b",
    ),
    _idiom(
        "calculation calculations equation computation sum math",
        "arithmetic accuracy",
        rf"\b{_RIGHT} (?:\w+ )?(?:calculations?|computation|equation|sum|math)\b[^.!?\n]{{0,80}}?(?:\bis\b|\bare\b|\bwould\b|\bshould\b|:|=)",
    ),
    _idiom(
        "answer conclusion",
        _CORRECTNESS,
        r"\bthe (?:answer|final answer|conclusion) should (?:be|have|include|reflect|say|state|\w+)\b",
    ),
    _idiom(
        "should",
        _CORRECTNESS,
        r"\bshould(?: not|n't)? (?:have|actually|instead|rather|first|only|simply|just)? ?(?:been|be|equal|say|said|state|stated|"
        r"used|use|written|read|started|start|subtracted|added|multiplied|divided|multiply|add|subtract|divide|taken|done|calculated|"
        r"interpreted?|chosen|swapped|dividing|multiplying|concluded?|directed|followed)\b",
    ),
    _idiom(
        "correct right",
        _CORRECTNESS,
        r"\b(?:correct|right|final|actual) (?:answer|solution|calculation|steps)s?\s*(?:[.:\n]|$)",
    ),
    _idiom(
        "fixed corrected solved",
        _CORRECTNESS,
        r"\b(?:can|could|should|needs? to) be (?:easily |simply )?(?:fixed|corrected|solved)\b",
    ),
    _idiom("needs need", _CORRECTNESS, r"\bneeds? to be (?!more|less|a bit|clearer|better)\w+ed\b", FALLBACK),
    _idiom(
        "should've supposed",
        _CORRECTNESS,
        r"\bshould've\b|(?<!what it )(?<!what they )\b(?:is|was|were|are) supposed to\b",
    ),
    _idiom(
        "should could would might needs",
        "completeness",
        r"\b(?:should|could|would|might|needs to) (?:also |at least |have |'ve |better )*(?:includ|mention|provid|explain|discuss|cover|"
        r"specif|elaborat|point|clarif|not(?:e|ed)\b|go(?:ne)? into|add(?:ed)?\b(?! \d)|expand|giv)\w*",
        FALLBACK,
    ),
    _idiom(
        "nice good helpful better great useful",
        "completeness",
        r"\bwould (?:have been|be|'ve been) (?:\w+ )?(?:nice|good|helpful|better|great|useful)(?:r)? (?:to|if|had)\b",
        FALLBACK,
    ),
    _idiom(
        "instead rather",
        _CORRECTNESS,
        rf"\b(?:{_ANSWER}|it|they)\b(?! should)[^.!?\n]{{0,120}}?\b(?:instead of|rather than|and not|instead)\b(?! (?:in )?{_LANGUAGE})",
    ),
    _idiom(
        "mentioned stated suggested proposed claimed insinuated implied indicated suggests claims states implies says speculates",
        _CORRECTNESS,
        rf"\b(?:as|like|than) (?:was |is )?(?:(?:mentioned|stated|suggested|proposed|claimed|insinuated|implied|indicated|given) (?:by|in) "
        rf"(?:the )?{_ANSWER}|(?:the )?{_ANSWER} (?:suggests?|suggested|claims?|claimed|states?|stated|implies|says|speculates|mentioned))",
    ),
    _idiom(
        "wrong incorrect false untrue right true",
        _CORRECTNESS,
        r"\b(?:which|this|that|it) (?:is|was) (?:\w+ )?(?:wrong|incorrect|false|untrue|not (?:right|true|correct))\b",
    ),
    # Arithmetic.
    _idiom(
        "not wrong incorrect equal instead equals",
        "arithmetic accuracy",
        r"(?:\d[\d,.]* ?[-+*/x×÷] ?\(?\$?\d[^.!?\n]{0,30}=[^.!?\n]{0,25}?\b(?:not|wrong|incorrect|is wrong|untrue)\b"
        r"|(?:does not|doesn't|not) equal(?: to)? \$?\d|\bequals? \$?\d[\d,.]*,? (?:and )?not \$?\d|=\s?\$?\d[\d,.]*%?,? (?:and )?not \$?\d)",
    ),
    # What is left out.
    _idiom(
        "account consideration",
        "consideration of all given facts",
        rf"\b{_NEG} (?:\w+ )?(?:take|taking|took)\b[^.!?\n]{{0,80}}?\binto (?:account|consideration)",
        EXPLICIT,
    ),
    _idiom(
        "consider account factor ignores ignore ignored disregards acknowledge ignoring",
        "consideration of all given facts",
        rf"\b(?:{_NEG} (?:\w+ )?(?:consider|account for|factor in|acknowledge)|(?:answer|response|output|it|this|and|completely) "
        r"(?:\w+ )?(?:ignore[sd]?|disregards?|ignoring) (?:that|the (?:fact|word|part|context|larger|premise|information|detail)|this|how|what|\w+ part))\b",
        EXPLICIT,
    ),
    _idiom(
        "only",
        "completeness",
        rf"\b{_ANSWER} (?:\w+ )?only (?!issue|problem|wrong|need)\w+(?:s|ed)\b",
    ),
    _idiom(
        "just merely simply",
        "completeness",
        rf"\b(?:it|{_ANSWER}) (?:just|merely|simply) (?:lists|states|says|mentions|gives|repeats|names)\b",
    ),
    _idiom(
        "conclusive definite definitive justifiable final",
        "conclusiveness of the answer",
        r"\b(?:no|not|wasn't|isn't|without|hasn't given|any)(?: \w+)? (?:conclusive|definite|definitive|justifiable|final|clear) (?:answer|conclusion)\b",
        EXPLICIT,
    ),
    _idiom(
        "provide give offer pick choose select given",
        "conclusiveness of the answer",
        r"\b(?:does not|doesn't|did not|didn't|not|fails to|cannot) (?:actually |really )?(?:provide|give|offer|reach|pick|choose|select) "
        r"(?:an|a|any|one|the)(?: \w+)? (?:answer|conclusion|option|choice)s?\b",
        EXPLICIT,
    ),
    # What has no ground.
    _idiom(
        "mentioned stated provided supported implied indicated found specified brought said discussed given based",
        _GROUNDING,
        rf"\b(?:not|never|isn't|wasn't|aren't|weren't|hasn't been|nowhere)(?: \w+)? (?:been )?(?:mentioned|stated|provided|supported|implied|indicated|"
        rf"found|specified|brought up|said|discussed|given|based|accounted for)(?: \w+){{0,4}}? (?:in|by|on) (?:the |this |any )?(?:\w+ )?{_SOURCE}",
        EXPLICIT,
    ),
    _idiom(
        "mention indication evidence basis backing support reason nothing suggestion not isn't aren't wasn't",
        _GROUNDING,
        rf"(?:^|[.!?\n,] ?)there(?: is|'s| was| are) (?:\w+ )?(?:no|not any|n't any) (?:\w+ )?(?:mention|indication|evidence|basis|backing|support|"
        rf"reason to|suggestion)\b|\bnothing (?:\w+ ){{0,3}}(?:about|in) (?:the |this )?(?:\w+ ){{0,2}}{_SOURCE}|\b(?:says|said) nothing about"
        rf"|\bno (?:mention|indication) (?:of|that)|\b(?:not|isn't|aren't|wasn't) (?:\w+ )?(?:in|part of|from) (?:the |this )?(?:original |given )?{_SOURCE}\b|\bnothing in {_SOURCE}",
    ),
    _idiom(
        "context premise passage text article source story hypothesis",
        _GROUNDING,
        rf"\b{_SOURCE} (?:\w+ )?(?:does not|doesn't|did not|never|didn't|also does not) (?:\w+ )?(?:mention|say|state|indicate|support|imply|suggest|provide|specify)"
        rf"|\b(?:does not|doesn't|not) (?:\w+ )?(?:follow|respond to|match|reflect|align with|in line with|consistent with)(?: what is in)? (?:the )?{_SOURCE}\b"
        rf"|\b(?:outside|beyond) (?:of )?the {_SOURCE}|\b{_SOURCE} (?:\w+ )?(?:states?|says?|mentions?|indicates?)\b[^.!?\n]{{0,140}}\b(?:but|yet|however|while),? (?:the |this )?{_ANSWER}",
    ),
    _idiom(
        "invented inventions fabricated",
        "no fabricated information",
        rf"\b(?:is|are|was|were|completely|entirely|totally) (?:invented|fabricated|made up|inventions)\b|\bmaking up facts\b|\ba fact\b[^.!?\n]{{0,20}}made up",
        EXPLICIT,
    ),
    # Reasoning.
    _idiom(
        "follow",
        "soundness of reasoning",
        r"\b(?:does not|doesn't|do not|don't|not) (?:\w+ )?follow(?: logically)?(?: to (?:conclude|say)| from| that|[.,]| either|$)|\bdoes(?: not|n't) follow (?:the )?(?:logic|context)\b",
        EXPLICIT,
    ),
    _idiom(
        "logic logical",
        "soundness of reasoning",
        r"\b(?:no|without|fails to (?:apply|use)|not (?:apply|use)|lacks?|isn't|not)(?: any| a)? (?:logic|logical (?:structure|sense|answer|reasoning))\b",
        EXPLICIT,
    ),
    _idiom("sense commonsense", "common sense", r"\b(?:common ?sense|commonsense)\b(?! (?:approach|advice))"),
    _idiom(
        "imply implies mean",
        "soundness of reasoning",
        r"\b(?:does not|doesn't|in no way|not necessarily|not) (?:necessarily )?(?:imply|implies|mean)\b",
    ),
    _idiom(
        "explain tell show clarify justify say explaining",
        "justification",
        r"\b(?:does not|doesn't|did not|didn't|without|fails to|never|not) (?:\w+ )?(?:explain|tell us|tell|show|clarify|justify|say|explaining|showing)(?:ing)? (?:why|how|where|which)\b",
        EXPLICIT,
    ),
    _idiom(
        "answer",
        "answering the question asked",
        rf"\b{_NEG} (?:\w+ )?(?:able to )?answer\b|\bcannot answer\b",
        EXPLICIT,
    ),
    _idiom(
        "unclear clear idea tell comprehend sure",
        "clarity of the derivation",
        r"\b(?:unclear|not (?:exactly |entirely |really )?clear|isn't clear|no idea|hard to tell|can't tell|not sure|can't (?:comprehend|understand|follow)) (?:where|how|why|what|whom|which)\b",
    ),
    _idiom(
        "where",
        "clarity of the derivation",
        r"\bwhere (?:does|did|is|are|do|was) [^.!?\n]{1,60}\b(?:come|comes|came|coming) from|\bwhere (?:\w+ ){1,5}(?:come|comes|came|coming) from",
    ),
    # Advice that would not work.
    _idiom(
        "idea advisable recommended solution option work help possible best",
        "practicality",
        r"\bbad idea\b|\bnot (?:\w+ )?(?:a good|the best|an ideal|the ideal) (?:idea|solution|option|way|advice)\b|\bnot (?:advisable|recommended|applicable|fit for)\b"
        r"|\b(?:won't|will not|would not|wouldn't) (?:\w+ )?(?:work|help|be (?:effective|useful|able|possible|the ideal))\b|\bnot be (?:possible|the ideal)\b|\bnot possible to\b|\bimpossible to\b",
    ),
    _idiom(
        "damage harm ruin injure dangerous",
        "safety",
        r"\b(?:could|can|will|might|may|would) (?:\w+ )?(?:cause (?:\w+ ){0,4}?(?:damage|harm|injury)|ruin|harm|hurt|injure|damage|be dangerous)\b",
    ),
    _idiom(
        "need needed needs",
        "relevance",
        r"\bno need (?:to|of|for)\b|\b(?:don't|doesn't|do not|does not) need to (?:know|repeat|be)\b|\bnot (?:really )?(?:needed|required|necessary)\b",
    ),
    _idiom("tangent rambling", "relevance", r"\bgoes (?:off )?on (?:an? )?(?:\w+ )?tangent", EXPLICIT),
    # Instructions.
    _idiom(
        "instead rather not mixes mixed mixing mix switches switched switching switch alternates",
        "language match with the prompt",
        rf"\b(?:mix(?:es|ed|ing)?|switch(?:es|ed|ing)?|alternates?) (?:between |to |into |back to )?{_LANGUAGE}\b|\bin {_LANGUAGE},? (?:instead of|rather than|and not|not)\b|\b(?:instead of|rather than|not) (?:in )?{_LANGUAGE}\b",
        EXPLICIT,
    ),
    _idiom(
        "but yet however instead whereas",
        "instruction following",
        r"\b(?:the |my )?(?:question|prompt|user|task|instruction|request|i)\b[^.!?\n]{0,30}\b(?:asks?|asked|wants?|wanted|requests?|requested|requires?|required|"
        r"specif(?:y|ies|ied)|said|instructed)\b[^.!?\n]{0,140}\b(?:but|yet|however|instead|whereas),? (?:the |this |it |only |there )",
    ),
    _idiom(
        "beyond",
        "depth",
        r"\b(?:goes|went|going) (?:above and )?beyond (?:what|the basics|simply|just|expectations)\b",
        EXPLICIT,
        "yes",
    ),
    _idiom("track", _CORRECTNESS, r"\bon the right track\b", EXPLICIT, "partially"),
    _idiom(
        "close",
        _CORRECTNESS,
        r"\bclose to (?:being )?(?:correct|right|successful|working|the (?:correct|right))\b",
        EXPLICIT,
        "partially",
    ),
)

# These hold in feedback on code only, where any wanted change says that the code is not correct yet.
CODE_IDIOMS: tuple[Idiom, ...] = (
    _idiom(
        "issue problem issues trouble problems reason",
        "correctness of the code",
        r"\b(?:the|one|only|main|first|major|an|another|second|there (?:is|are)) (?:\w+ )?(?:issues?|problems?|trouble|reason)\b[^.!?\n]{0,60}?\b(?:is|are|was|were|lies?|lay|with)\b",
    ),
    _idiom(
        "fix fixed correct corrected solve solved fixing repair resolve",
        "correctness of the code",
        r"\b(?:can|could|is|be|to|will|would|need(?:s)? to|by|minor|for the) (?:be )?(?:easily )?(?:fix|fixed|fixing|fixes|correct(?:ed)? (?!answer)|solved?|repair(?:ed)?|resolved?)\b",
    ),
    _idiom(
        "needs need should must has needed",
        "correctness of the code",
        r"\b(?:needs?|needed|should|must|has|have|had) (?:only |just |not |also |probably |instead )*(?:to )?(?:be|have|return|check|use|add|remove|change|get|count|take|include|"
        r"start|iterate|compare|round|convert|append|sort|handle|print|set|increment|multipl|subtract|divide|match|output|only|stop|split|make|create|first|reduce|put)\w*\b",
    ),
    _idiom(
        "changed change changing replace replaced added add remove removed fixed switch adding removing make made adjust adjusted modified replacing tweak map",
        "correctness of the code",
        r"(?:^|[.!?\n;:)] ?|\b(?:i|i've|we|simply|to|by|just|then|can|and|had to|is to|instead)(?<!nice to)(?<!good to)(?<!better to)(?<!great to)(?<!helpful to) )(?:simply |just |only |have |need to |also |had to |'ve )*"
        r"(?:chang(?:e|ed|ing) |replac(?:e|ed|ing) |add(?:ed|ing)? |remov(?:e|ed|ing) |fixed |switch(?:ed|ing)? |ma(?:k|d)e (?:changes|it|the|sure|a)|adjust(?:ed|ing)? |modif\w+ |tweak\w* |map )",
    ),
    _idiom("instead", "correctness of the code", r"\binstead\b"),
    _idiom(
        "undefined defined imported",
        "executable code",
        r"\b(?:is|are|was|were) (?:undefined|not (?:defined|imported|declared))\b",
        EXPLICIT,
    ),
    _idiom(
        "correctly properly expected",
        "correctness of the code",
        r"\b(?:not|doesn't|isn't|n't|never) (?:\w+ ){0,3}?(?:correctly|properly|as expected)\b",
        EXPLICIT,
    ),
    _idiom(
        "return returns returned",
        "correctness of the code",
        r"\b(?:does not|doesn't|isn't|not|never|but|only|wrong(?:ly)?|incorrectly|instead) (?:\w+ ){0,3}?return(?:s|ed|ing)?\b",
    ),
    _idiom(
        "for",
        "edge case handling",
        r"\b(?:does not|doesn't|not|fails to) (?:\w+ )?(?:work for|handle|check (?:for|that|if|whether))\b",
    ),
)

# Only where nothing else was found: the annotator retells the response or the source in order to contradict it.
FALLBACKS: tuple[Idiom, ...] = (
    _idiom(
        "answer response output",
        _CORRECTNESS,
        rf"\b{_ANSWER}(?:'s)? (?:\w+ )?(?:states?|says?|said|stated|claims?|suggests?|suggested|mentions?|concludes?|infers?|writes|wrote|implies|thinks|"
        r"seems to|assumes|attempts|tries|used|interpreted|calculated|selected|confuses)\b",
        FALLBACK,
    ),
    _idiom(
        "context premise narrator hypothesis passage",
        _CORRECTNESS,
        r"\b(?:context|premise|narrator|hypothesis|passage)\b[^.!?\n]{0,40}\b(?:states?|says?|mentions?|suggests?|implies|infers|clearly|cannot|wants?|needs?|not)\b|^from the context\b",
        FALLBACK,
    ),
    _idiom(
        "cannot can't not",
        _CORRECTNESS,
        r"\b(?:you|we|one|it|there) (?:cannot|can't|should not|shouldn't|can not|don't|isn't|wouldn't)\b|\bis not (?:to be|the)\b|\bnot (?:\w+ ){1,6}but\b|(?:,|\band) not (?!only)\b|\bnot because\b",
        FALLBACK,
    ),
    _idiom(
        "issue problem issues problems",
        _CORRECTNESS,
        r"\b(?:main|only|biggest|major|first|one|the|another|an) (?:\w+ )?(?:issue|problem)s? (?:with|is|here|was|in|are|lies)\b",
        FALLBACK,
    ),
)
