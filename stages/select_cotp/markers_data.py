"""The rules of the built-in annotator: which words at which place of a step stand for which reasoning pattern.

Names, words and order are ours, from reading solutions of mathematical problems, mostly of two model families; they
are not an inventory of any paper. English, and the commonest words of Chinese. How rules are applied is in markers.py.
"""

from typing import Final, Literal, NamedTuple

Where = Literal["step", "opening", "closing", "sentence", "bare"]
"""step: anywhere in the step. opening: as `bare`, in the first steps of a text only. closing: at the beginning of the
last step. sentence: at the beginning of a sentence. bare: there too, behind such words as "okay, so" or "wait, but"."""

FALLBACK_FORMULA: Final = "compute"
FALLBACK: Final = "remark"

PATTERNS: Final = {
    "restate": "says again what is given or asked",
    "plan": "says what to do next, or breaks the problem down",
    "define": "gives names to quantities, or sets up equations",
    "recall": "brings in a fact, formula or theorem",
    "observe": "points at something in what is there",
    "compute": "calculates or transforms",
    "deduce": "draws a consequence",
    "cases": "tells cases apart, or goes into one",
    "example": "tries particular values",
    "guess": "supposes without proof",
    "verify": "tests or confirms a result",
    "backtrack": "stops and objects to what was said",
    "alternative": "turns to another approach",
    "correct": "names or mends an error of its own",
    "doubt": "says that it is hard or unclear",
    "summary": "gathers what was found so far",
    "answer": "gives the final answer",
    "remark": "none of these: a sentence without any of the words below",
}
"""Every name with what it is for. Short and unlike each other in their letters, since chains are compared by those."""


class Rule(NamedTuple):
    """Words, as regular expressions over lower-case text, that stand for a pattern at a place of a step."""

    name: str
    where: Where
    english: str
    chinese: str = ""

    @property
    def words(self) -> str:
        """The words of both languages."""
        return f"{self.english}|{self.chinese}" if self.chinese else self.english


OPENERS: Final = (
    r"(?:(?:so(?! far)|okay|ok|alright|all right|now|well|then|and|but|yet|hmm+|wait|oh|ah|yes|yeah|right|also|next|"
    r"again|similarly|likewise|here|therefore|thus|hence|actually|no|first(?:ly)?|second(?:ly)?"
    r"|third(?:ly)?|finally|lastly|"
    r"however|in fact|a (?:minute|moment|second)|let's see|let me see)\b|"
    r"好|好的|嗯|那么|然后|接着|首先|其次|最后|现在|所以|因此|但是|不过|等等|等一下)"
)

RULES: Final = (
    Rule(
        "answer",
        "step",
        r"\\boxed\b"
        r"|\b(?:the|my|our) (?:final |correct )?answer(?: to (?:the|this) (?:problem|question))? (?:is|comes)\b"
        r"|^\W*(?:the )?(?:final )?answer\W*[:\n]|####\s*\S|\bfinal answer\b",
        r"(?:最终|最后)?答案(?:是|为|：|:)|最终答案",
    ),
    Rule(
        "correct",
        "step",
        r"\b(?:i|we)(?: must| may| might| think i|'ve| have)*(?: have)? (?:made|making) (?:a|an|"
        r"some) (?:\w+ )?(?:mistake|error)|\bmy (?:mistake|error|bad)\b"
        r"|\b(?:i|we) (?:forgot|overlooked|misread|misinterpreted|misunderstood|miscalculated|messed up|"
        r"miscounted|confused myself)\b"
        r"|there(?:'s| is| must be| might be| may be| seems to be) (?:a|an|some) (?:\w+ )?(?:mistake|error)\b"
        r"|\bmistake (?:here|in my|somewhere)|\blet me correct|\bcorrecting\b|\bi was wrong\b",
        r"算错|弄错|搞错|写错|更正|纠正|我错了",
    ),
    Rule(
        "verify",
        "step",
        r"\bdouble[- ]?check"
        r"|\b(?:let's|let me|let us|i'll|we'll|should|need to|want to|must|can|to) (?:just )?(?:re-?)?(?:check|"
        r"verify|confirm|validate)\b|\bmake sure\b|\bto be (?:absolutely |extra |more |completely )?(?:sure"
        r"|certain)\b|\bsanity check|\bchecks out\b|\bas a check\b"
        r"|\b(?:that|this|it|which|everything|all|calculations?|result|answer|reasoning)(?: all)? (?:also "
        r")?(?:seems?|looks?|is) (?:to be )?(?:correct|right|reasonable|consistent|plausible|fine)\b"
        r"|\b(?:that|this|which) (?:makes (?:more )?sense|checks|matches|agrees|confirms|is consistent)\b"
        r"|\bis (?:indeed )?(?:correct|satisfied|consistent)\b",
        r"验证|检验|检查一下|再检查|核对|确认一下|验算",
    ),
    Rule(
        "backtrack",
        "step",
        r"\b(?:this|that|it|which|these|approach|method|answer|result)(?: can| could| does| did| do| would| is|"
        r" was|'s)?(?:n't|not|'t| not) (?:make (?:complete |any )?sense|seem (?:right|correct|possible)|look "
        r"right|add up|be (?:right|correct|true|possible)|right\b|correct\b|possible\b|what (?:we|i)\b|"
        r"work(?:ing)?\b|help(?:ful|ing)?\b|hold\b)|\bthat's (?:wrong|incorrect|impossible)\b"
        r"|\b(?:this|that|which)(?: is| seems| would be)? (?:a )?(?:contradict(?:s|ory|ion)|impossible)\b"
        r"|\bscratch that\b",
        r"不对(?!称)|行不通|不合理|说不通",
    ),
    Rule(
        "alternative",
        "bare",
        r"alternative(?:ly)?\b|another (?:way|approach|method|idea|option|possibility|thought|angle|strategy)\b"
        r"|(?:maybe|perhaps|is|there|i|let)\b[^.\n]{0,40}\b(?:a (?:better|different|simpler|easier|"
        r"smarter) (?:way|approach|method|strategy|perspective|angle)|another (?:way|approach|method|angle|idea)|"
        r"differently|a different)\b|let(?:'s| me| us) try (?:something|again|to (?:approach|think))|instead of\b"
        r"|instead,|on the other hand|from (?:a different|another)",
        r"(?:换|另)(?:一种|一个|个|种|外)|或者|还可以|也可以",
    ),
    Rule(
        "backtrack",
        "sentence",
        r"(?:\W*(?:oh|but|hmm+|ah|no|and|so|okay)\b)*\W*(?:wait|hold on|scratch|not quite|actually|nope|no(?=[,.]))\b"
        r"|but earlier\b",
        r"(?:但|嗯)?[，,]?(?:等等|等一下|不，|其实|且慢)",
    ),
    Rule(
        "doubt",
        "bare",
        r"[^.\n]{0,60}\b(?:complicated|tricky|messy|confusing|tedious|quite involved|challenging|overwhelming|"
        r"daunting|too (?:vague|hard|complex|long|difficult)|time-consuming|cumbersome)\b"
        r"|(?:i'm|i am|i) (?:[a-z]+ ){0,2}(?:not (?:\w+ )?(?:sure|certain)|stuck|confused|unsure|struggling)"
        r"|not sure\b|i (?:don't|do not|can't) (?:know|see|remember|think)"
        r"|(?:this|that|it)(?: is|'s| seems| looks) (?:[a-z]+ )?(?:difficult|hard|unclear|not (?:clear|obvious|"
        r"helpful|straightforward))|i need (?:a better|more information|to be careful|to think)",
        r"不确定|(?:有点|比较|非常|很)?(?:复杂|困难|麻烦|棘手)|没有头绪",
    ),
    Rule(
        "summary",
        "bare",
        r"in summary\b|to summari[sz]e|summari[sz]ing|to recap|recap\b|so far\b|overall\b|altogether|in short\b"
        r"|in conclusion|putting (?:it|this|everything|these|all)|to conclude"
        r"|combining (?:these|all|both|the results)",
        r"综上|总结|总之|总的来说|到目前为止",
    ),
    Rule(
        "cases",
        "bare",
        r"\W*case (?:\d|[ivx]+\b|[a-d]\b)"
        r"|(?:let's |let me |we |i )?(?:can |need to |should |will |must )?(?:consider|there are|split|analy[sz]e|"
        r"look at)[^.\n]{0,30}\b(?:cases|possibilities|scenarios|subcases)\b"
        r"|(?:in|for) the (?:first|second|third|fourth|other|next|last) (?:sub)?case\b|otherwise\b"
        r"|if (?!(?:i|we|you) (?:let|define|denote|set)\b|that's the case|so\b|this is\b)|suppos(?:e|ing)\b"
        r"|assum(?:e|ing)\b|when \S+ (?:=|<|>|≤|≥|is\b|\\[a-z])|for the (?:first|second|third|other"
        r"|last) (?:case|scenario|possibility)\b"
        r"|either\b",
        r"情况|分(?:类|情况)|若|当.{1,15}时|如果|假设|假如",
    ),
    Rule(
        "example",
        "bare",
        r"(?:for|as an) (?:example|instance)|e\.g\."
        r"|(?:let's|let me|let us|i'll|we|i can|maybe i can|perhaps i can|starting)?(?: can| could|"
        r" start)?(?: by)? ?(?:try|test|tak|pick|consider|look|start|list|enumerat)(?:e|ing|s)?(?: to)?(?: out|"
        r" with| at| in| for| by)? ?(?:some |a few |the |a |an |all |small |simple |specific |special |particular "
        r"|concrete |first |few |case |cases |values |when |where |of )*(?:small|simple|specific|special|"
        r"particular|concrete|examples?|numbers|primes?|values?|[a-z]_?\d? ?=|\$ ?[a-z]_?\d? ?=|"
        r"\\\( ?[a-z]_?\d? ?=)|(?:try|testing|checking|for|at|with) (?:\$|\\\( ?)?[a-z](?:_\d)? ?= ?-?\d",
        r"例如|比如|举例|举个例子|试一?试|不妨取|取\W?[a-z]",
    ),
    Rule(
        "define",
        "bare",
        r"let(?:'s| us| me)? (?:also )?(?:denote|define|call|label|assign|represent|introduce|set\b(?! (?:the|"
        r"these|them))|name|say\b|assume|place)|if (?:i|we) (?:let|define|denote|set)\b|let (?!(?:me|us)\b)"
        r"|(?:we |i |i'll |we'll |i can |we can |to |first label |i should |should )?(?:probably )?(?:denote|"
        r"define|label|introduce)\b|denoting|defining|letting|where (?:\$|\\\(|[a-z]\b)|i'll (?:call|set)"
        r"|(?:we (?:can )?|to )?set(?:ting)? up\b|we (?:let|set)\b(?! (?:the|these|them))",
        r"设|令|记|定义",
    ),
    Rule(
        "restate",
        "opening",
        r"(?:i|we)(?:'ve| have)(?: got)? (?:this|a|an|the|these|here|to find|to)\b"
        r"|(?:i|we) need to find\b"
        r"|(?:i'm|we're|i am|we are) (?:given|asked|told|trying|looking|dealing)|given\b",
    ),
    Rule(
        "restate",
        "bare",
        r"(?:the |this |our )?(?:original )?(?:problem|question) (?:is|says|states|asks|gives|tells|wants|"
        r"mentions|here|specifies|requires)|(?:we're|we are|i'm|i am|you are) (?:given|told|asked)"
        r"|we (?:are )?given|it(?:'s| is) given|given\b(?! (?:this|these|that|the)\b)"
        r"|(?:it|they) (?:says?|asks?|wants?)\b|the (?:goal|task|aim|objective) is"
        r"|(?:i|we) (?:know|have) from the problem|understand(?:ing)? the problem|(?:i"
        r"|we) need to understand (?:what|the problem)",
        r"(?:从|根据)?(?:题目|题意|题干|已知|给定)|问题(?:是|要求)|求(?!和|导|解)|(?:我们)?(?:需要|要)求",
    ),
    Rule(
        "recall",
        "bare",
        r"(?:let's |let me |let us )?(?:recall|remember)\b|i (?:recall|remember|know)\b|we (?:know|recall)\b"
        r"|from (?:the (?:\w+ )?(?:formula|theorem|identity|definition|properties)|what i)"
        r"|by (?:the )?(?:\w+(?:'s)? ){0,4}(?:theorem|formula|identity|inequality|rule|lemma|definition|symmetry|"
        r"law|property|criterion|principle|am-gm|vieta)|according to"
        r"|(?:i|we|maybe i|perhaps i|maybe we|perhaps we)?(?:'ll| can| could| will| might| should|'d)? ?(?:use|"
        r"using|apply|applying|consider) (?:the |an? )?(?:\S+ ){0,5}?(?:formula|theorem|identity|rule|property|"
        r"properties|law|inequality|lemma|method|fact|principle|definition|determinant|criterion|algorithm)\b"
        r"|the (?:\S+ ){0,5}(?:formula|theorem|identity|definition|inequality|rule|lemma)\b"
        r"|it(?:'s| is) (?:well[- ]known|known)"
        r"|there(?:'s| is) an? (?:\w+ )?(?:formula|theorem|property|result|identity)|in (?:a|an|any) \w+"
        r"|this (?:sounds like|reminds|is (?:a|an) (?:classic|standard|well|known|common))",
        r"(?:我们)?(?:知道|回忆|记得)|由.{1,14}(?:定理|公式|性质|定义)|根据|利用|众所周知|运用",
    ),
    Rule(
        "plan",
        "bare",
        r"let(?:'s| me| us) (?:break|start|begin|try to|think|understand|proceed|first|see|look|find|figure|focus|"
        r"approach|solve|work|organi[sz]e|go|move|consider|analy[sz]e|rephrase|visuali[sz]e|explore|try|use|do|"
        r"draw|sketch|tackle)\b"
        r"|(?:i|we)(?: will| would| can| could| should| just| also| now| still| first|'ll|'d)* (?:need|want|have to|"
        r"like|going|try|must|aim|proceed|start|begin|follow|focus|look for)\b|(?:i|we) (?:will|should|must)\b"
        r"|to (?:solve|find|determine|calculate|compute|get|do|answer|prove|minimi[sz]e|maximi[sz]e|simplify|"
        r"proceed|tackle|figure)\b(?![^.\n]*=)|\W*step \d|my (?:approach|plan|idea|strategy|task|goal)"
        r"|the (?:plan|strategy|idea|approach|key|next step|first step|trick)\b|identify\b"
        r"|understand\b(?! the problem)"
        r"|(?:i'll|we'll|i will|we will)\b|(?:maybe|perhaps) (?:i|we) (?:can|could|should|need)\b",
        r"第[\d一二三四五六七八九十]+步|步骤|思路|(?:我们)?(?:先|需要|可以先|接下来|要)|让我(?:们)?(?:先|来)?"
        r"|接下来|下面",
    ),
    Rule(
        "observe",
        "bare",
        r"not(?:e|ing|ice|icing)\b(?! sure)|observ(?:e|ing)\b|interesting(?:ly)?|importantly"
        r"|(?:i|we) (?:can )?(?:notice|see|observe)\b|looking (?:at|back)"
        r"|it(?:'s| is) (?:clear|evident|important|obvious|worth|easy)|clearly\b|obviously\b",
        r"注意|观察|发现|可以看出|看出|显然|可见",
    ),
    Rule(
        "guess",
        "bare",
        r"(?:maybe|perhaps|possibly|presumably|probably|likely|hopefully)\b"
        r"|i (?:think|guess|suspect|believe|suppose|assume|wonder)\b"
        r"|it(?:'s)? (?:seems|appears|looks like|might|could|may|likely|possible)\b"
        r"|(?:this|that|which|these) (?:suggests?|might|could|may|seems?|looks like)\b|what if\b"
        r"|we (?:conjecture|guess|might)\b|there (?:might|may|could)\b",
        r"也许|可能|或许|猜|大概|似乎|看起来|应该",
    ),
    Rule(
        "answer",
        "closing",
        r"(?s:\W*(?:so|therefore|thus|hence|in conclusion|finally|所以|因此|综上|故)\b.*[.!?。！}\])$*]\s*$)",
    ),
    Rule(
        "compute",
        "bare",
        r"(?:let's |let me |let us |i'll |we |i |we can |i can |by |and |now |then |to |after "
        r")*(?:re-?)?(?:calculat|comput|simplif|substitut|plug|expand|factor|multipl|divid|subtract|solv|evaluat|"
        r"integrat|differentiat|rearrang|cross-?|squar|rais|convert|round|equat|cancel|isolat|distribut|rewrit|"
        r"express|perform|deriv|sum|set(?:ting)? |add(?:ing|s)?\b|combin(?:e|ing)|tak(?:e|ing) (?:the )?(?:log|"
        r"square|cube|derivative|mod|root)|doubl|count|invert|reduc|approximat|estimat|complet)\w*"
        r"|(?:this|that|which|it)(?: then| further)? (?:gives|simplifies|becomes|reduces|equals|yields|results|"
        r"evaluates)|giving|we (?:get|obtain|have)\b"
        r"|the (?:sum|total|product|area|volume|number|value|determinant|probability|length|difference|ratio|"
        r"cost)\b[^.\n]{0,60}=",
        r"(?:我们)?(?:计算|代入|化简|解得|得到|得|展开|整理|相加|相减|两边|移项|解方程|求和|求导|乘以|除以)",
    ),
    Rule(
        "deduce",
        "sentence",
        r"\W*(?:and |but )?(?:therefore|thus|hence|consequently|accordingly|as a result|it follows|(?:this|that|"
        r"which|these) (?:also )?(?:means?|implies|imply|shows?|tells|leads|indicates?|happens|is because|forces|"
        r"requires)|since|because|in other words|so,? (?![^\n]*=)|for this|then,? (?![^\n]*=)|from (?:this|here|"
        r"these)|given (?:this|that|these|the)\b|as (?:such|we)|so that|due to)",
        r"(?:这)?(?:意味着|说明|表明)|因此|所以|故|于是|从而|由此|因为|由于|即|那么|可得|可知",
    ),
)
