"""Nouns that name a fault, by the principle that it offends. Data only."""

FAULTS: dict[str, str] = {
    "accuracy of information": (
        "inaccuracy, inaccuracies, falsehood, falsehoods, factual error, factual errors, misinformation, untruth, "
        "misconception, misconceptions, factual mistake, factual mistakes, factual inaccuracies, factual "
        "inaccuracy, wrong information, false information, incorrect information, misstatement, misstatements, "
        "false claims, false statements, inaccurate information, misleading information"
    ),
    "correctness of the answer": "error, errors, mistake, mistakes, blunder, blunders, mix up, mixup, slip",
    "accuracy of the translation": (
        "mistranslation, mistranslations, translation error, translation errors, translation mistakes"
    ),
    "soundness of reasoning": (
        "fallacy, fallacies, logical error, logical errors, logic error, logic errors, non sequitur, flaw, flaws, "
        "logical flaw, logical flaws, logical gap, logical gaps, logical mistake, reasoning error, reasoning "
        "errors, logical mistakes, reasoning mistakes, error in reasoning, errors in reasoning, error in logic, "
        "deduction error, flaw in logic, flaw in reasoning, logical leap, leap of logic, faulty logic, faulty "
        "reasoning, circular reasoning, logical fallacy, logical fallacies, reasoning mistake, logical jump, bad "
        "reasoning, incorrect logic, wrong logic, wrong reasoning, incorrect reasoning, flawed reasoning, flawed "
        "logic, flaw in logical thinking, leap, illogical argument, conceptual error, conceptual errors, mistake "
        "in reasoning"
    ),
    "no unsupported assumptions": (
        "assumption, assumptions, false assumption, unwarranted assumption, wrong assumption, unsupported "
        "assumptions, speculation, incorrect assumption, unfounded assumptions, false assumptions"
    ),
    "common sense": (
        "common sense error, commonsense error, error in common sense, flaw in common sense, lack of common "
        "sense, common sense mistake"
    ),
    "arithmetic accuracy": (
        "calculation error, calculation errors, arithmetic error, arithmetic errors, math error, math errors, "
        "computational error, miscalculation, miscalculations, mathematical error, mathematical errors, "
        "mathematical mistake, mathematical mistakes, arithmetic mistake, calculation mistake, arithmetic "
        "mistakes, error in calculation, error in the calculation, errors in calculating, error in calculations, "
        "errors in the calculation, rounding error, mistake in the calculation, errors in the calculations, sign "
        "error, calculation mistakes, math mistake, math mistakes, computation error, mistakes in the "
        "calculation, unit error, errors in calculation, computational errors, algebra mistake, algebraic error, "
        "algebra error"
    ),
    "completeness": ("omission, omissions, gap, gaps, missing pieces, missing parts, loose ends, information gaps"),
    "relevance": (
        "irrelevance, tangent, tangents, irrelevant information, irrelevant details, unnecessary information, "
        "unrelated information, digression, digressions, irrelevant content, unneeded information, extraneous "
        "information, unnecessary details, unnecessary detail, irrelevant detail, superfluous information, off "
        "topic content, extra information, irrelevant points, unrelated content, extraneous details, extraneous "
        "detail, redundant information, unneeded details"
    ),
    "clarity": "ambiguity, ambiguities, vagueness, jargon, unclear wording, technical jargon, obscurity",
    "conciseness": (
        "fluff, filler, padding, unnecessary words, verbiage, unnecessary explanation, preamble, unnecessary "
        "introduction, unnecessary explanations, filler words, waffle, unnecessary text, bloat, excess verbiage, "
        "long preamble, wasted words, unnecessary commentary, filler content, needless words"
    ),
    "internal consistency": (
        "contradiction, contradictions, inconsistency, inconsistencies, self contradiction, discrepancy, "
        "discrepancies, conflicting information, contradictory information, contradictory statements, conflicting "
        "statements, mismatch"
    ),
    "no fabricated information": (
        "hallucination, hallucinations, fabrication, fabrications, invention, inventions, made up information, "
        "invented information, fake information, fabricated information, made up facts, invented facts, fictional "
        "information, hallucinated information, invented details, fake links, fake sources"
    ),
    "executable code": (
        "syntax error, syntax errors, runtime error, runtime errors, compile error, compilation error, "
        "compilation errors, compile errors, compiler errors, exception thrown, infinite loop, crash, crashes, "
        "deadlock, memory leak, race condition, indentation error, indentation errors, type errors"
    ),
    "correctness of the code": (
        "bug, bugs, coding error, coding errors, bug in the code, logic bug, logical bug, coding mistakes, off by "
        "one error, coding mistake"
    ),
    "code security": (
        "vulnerability, vulnerabilities, security hole, security flaw, security risk, security issue, security "
        "issues, sql injection, security risks, security vulnerabilities, security flaws"
    ),
    "code efficiency": ("performance issue, performance issues, inefficiency, inefficiencies, bottleneck, bottlenecks"),
    "coding best practices": (
        "code smell, code smells, magic numbers, anti pattern, antipattern, global variables, unused variables, "
        "dead code, anti patterns"
    ),
    "fluency and grammar": (
        "typo, typos, misspelling, misspellings, grammatical error, grammatical errors, spelling error, spelling "
        "errors, grammar mistake, grammar mistakes, grammar error, grammar errors, spelling mistakes, grammatical "
        "mistakes, punctuation errors, spelling mistake, grammatical mistake, typographical errors, grammatical "
        "issues, grammar issues, awkward phrasing, unnatural phrasing, awkward sentences, typographical error, "
        "run on sentences, language errors, awkward wording, clumsy phrasing, linguistic errors"
    ),
    "formatting": (
        "formatting error, formatting errors, formatting issue, formatting issues, formatting mistakes, "
        "formatting problems, wall of text, formatting mistake, markdown errors, stray characters, large blocks "
        "of text"
    ),
    "no repetition": (
        "repetition, repetitions, redundancy, redundancies, duplication, duplicate code, code duplication, "
        "repeated information, repeated code, repeated phrases, duplicates, repeated content, repeated points"
    ),
    "creativity": "cliche, cliches, clichés, stereotypes in the plot",
    "fairness and neutrality": "bias, biases, stereotype, stereotypes, prejudice, partiality, favoritism",
    "safety": (
        "harmful content, dangerous advice, unsafe advice, harmful advice, toxic content, unsafe content, health "
        "risk, harmful information, dangerous information, profanity, unsafe instructions"
    ),
    "polite tone": "rudeness, insults, sarcasm, condescension, aggression",
    "overall quality": ("weakness, weaknesses, drawback, drawbacks, downside, downsides, shortcoming, shortcomings"),
}
