"""Adjectives that name what they judge, by the principle that they speak about: (praise, blame). Data only.

Strong ones speak about a text or code whatever their subject; weak ones may describe the world, and count only when
their subject is the response or a part of it.
"""

STRONG: dict[str, tuple[str, str]] = {
    "accuracy of information": (
        "accurate, reliable, credible, trustworthy, factual, factually sound, truthful, spot on, error free, "
        "free of errors, free from errors",
        "inaccurate, misinformed, misleading, deceptive, factually off, mistaken, erroneous, miscalculated, "
        "untrue, error prone",
    ),
    "up-to-date information": (
        "up to date",
        "outdated, out of date, obsolete, out dated",
    ),
    "accuracy of the translation": (
        "faithful, well translated",
        "mistranslated, poorly translated, badly translated",
    ),
    "soundness of reasoning": (
        "logical, sound, well reasoned, coherent, rigorous, well argued, sensible, reasonable, logically sound, cogent",
        "illogical, nonsense, circular, irrational, nonsensical, incoherent, senseless, far fetched, "
        "fallacious, unreasonable, absurd, ridiculous, poorly reasoned, unsound, not logical, convoluted "
        "reasoning, bizarre, counterintuitive",
    ),
    "no unsupported assumptions": (
        "",
        "speculative, unwarranted, far reaching",
    ),
    "completeness": (
        "complete, comprehensive, thorough, exhaustive, all encompassing, well rounded, fully complete, extensive",
        "incomplete, unfinished, truncated, cut off, cut short, partial, one sided, left unfinished, "
        "fragmentary, half finished",
    ),
    "relevance": (
        "relevant, on topic, on point, to the point, pertinent, focused, applicable, germane, directly "
        "relevant, on task",
        "irrelevant, off topic, unrelated, off point, beside the point, tangential, out of place, "
        "inapplicable, off the mark, not related, unnecessary, unneeded, needless, off base, out of context, "
        "unfocused, extraneous",
    ),
    "clarity": (
        "clear, clearer, easier to read, easier to follow, easier to understand, understandable, easy to "
        "understand, easy to follow, easily understandable, easy to read, lucid, straightforward, "
        "intelligible, well explained, clear cut, easy to comprehend, easily digestible, readable, clearly "
        "explained, clearly written, easy to grasp, comprehensible, well written, well worded, well phrased, "
        "well articulated, digestible, legible, crystal clear, simple to understand, simple to follow, self "
        "explanatory, well defined, unambiguous, explicit, easy to digest, user friendly, eloquent",
        "unclear, confusing, hard to understand, hard to follow, difficult to understand, difficult to "
        "follow, ambiguous, hard to read, difficult to read, unreadable, incomprehensible, confused, muddled, "
        "poorly written, unintelligible, cryptic, vague, badly written, poorly explained, hard to comprehend, "
        "messy, poorly worded, badly worded, badly explained, muddy, convoluted, obscure, perplexing, "
        "illegible, impossible to follow, impossible to understand, tough to follow, tricky to follow, poorly "
        "phrased, difficult to comprehend, hard to digest, gibberish, garbled, jumbled, puzzling, "
        "overwhelming, overly complex, dense",
    ),
    "simplicity": (
        "simple, simpler, uncomplicated, beginner friendly, accessible, simplified",
        "complicated, overcomplicated, over complicated, overly complicated, overengineered, over engineered",
    ),
    "conciseness": (
        "concise, succinct, brief, short, shorter, briefer, tighter, compact, crisp, "
        "short and sweet, pithy, economical, snappy, streamlined",
        "verbose, wordy, long winded, lengthy, rambling, bloated, padded, drawn out, longwinded, overlong, "
        "unnecessarily long, over explained, excessive, over detailed, too much, long",
    ),
    "appropriate length": (
        "of appropriate length, of the right length, the right length, a good length",
        "",
    ),
    "internal consistency": (
        "consistent, self consistent, coherent throughout",
        "inconsistent, contradictory, self contradictory, contradicting, conflicting, paradoxical",
    ),
    "grounding in the given context": (
        "grounded, well grounded, faithful to the text, faithful to the source, faithful to the context",
        "ungrounded, unsupported, unfounded, baseless, unverified, unverifiable, not supported",
    ),
    "no fabricated information": (
        "",
        "hallucinated, fabricated, made up, invented, fictitious, nonexistent, non existent, bogus, imaginary",
    ),
    "justification": (
        "justified, well justified, well supported, substantiated, convincing, persuasive, compelling, well "
        "explained why",
        "unjustified, unsubstantiated, unconvincing, unexplained, not justified, poorly justified, poorly supported",
    ),
    "quality of the explanation": (
        "explained, fully explained, well justified step by step",
        "",
    ),
    "sources and citations": (
        "well sourced, well cited, well referenced",
        "unsourced, uncited",
    ),
    "executable code": (
        "runnable, executable, working, functional, fully functional, production ready, ready to use, compilable",
        "broken, buggy, non functional, nonfunctional, not working, unusable, bug ridden, uncompilable, not runnable",
    ),
    "correctness of the code": (
        "bug free",
        "",
    ),
    "code security": (
        "secure, injection safe",
        "insecure, vulnerable, prone to injection",
    ),
    "code efficiency": (
        "efficient, faster, optimized, optimised, performant, fast enough, scalable, optimal, highly efficient",
        "inefficient, suboptimal, sub optimal, slow, unoptimized, unoptimised, wasteful, quadratic",
    ),
    "code readability": (
        "maintainable, well named, self documenting, modular, reusable, well factored, clean, elegant, tidy",
        "unmaintainable, poorly named, hard to maintain, difficult to maintain, spaghetti, clunky, ugly, "
        "hacky, cluttered, badly named",
    ),
    "coding best practices": (
        "idiomatic, pythonic, best practice, well designed, well architected, type safe, thread safe",
        "unidiomatic, non idiomatic, unpythonic, hard coded, hardcoded, bad practice, poor practice, deprecated",
    ),
    "code comments": (
        "well commented, commented, properly commented, thoroughly commented, heavily commented",
        "uncommented, poorly commented, not commented",
    ),
    "code documentation": (
        "well documented, documented",
        "undocumented, poorly documented",
    ),
    "edge case handling": (
        "robust, resilient",
        "brittle, fragile",
    ),
    "tests": (
        "well tested, tested",
        "untested",
    ),
    "formatting": (
        "well formatted, formatted well, properly formatted, nicely formatted, correctly formatted, well "
        "spaced, beautifully formatted, cleanly formatted",
        "poorly formatted, badly formatted, unformatted, misformatted, incorrectly formatted, wrongly "
        "formatted, improperly formatted, a wall of text",
    ),
    "readable layout": (
        "scannable, skimmable, neat, well laid out, well presented",
        "poorly presented",
    ),
    "structure": (
        "well structured, well organized, well organised, organized, organised, structured, well ordered, "
        "logically organized, logically structured, nicely structured, nicely organized, clearly structured, "
        "logically ordered, neatly organized, cohesive, methodical, easy to navigate",
        "unstructured, disorganized, disorganised, poorly structured, poorly organized, unorganized, "
        "unorganised, badly structured, badly organized, haphazard, disjointed, all over the place, "
        "scattered, choppy, out of order, poorly organised",
    ),
    "fluency and grammar": (
        "fluent, grammatical, natural sounding, idiomatic sounding, well spelled, grammatically sound, "
        "grammatically perfect, sounds natural, reads naturally, reads well, flows well",
        "ungrammatical, awkward, stilted, clumsy, disfluent, misspelled, misspelt, poorly translated, "
        "unnatural, unidiomatic phrasing, badly spelled, robotic, broken english, awkwardly worded, awkwardly "
        "phrased, garbled",
    ),
    "no repetition": (
        "non repetitive",
        "repetitive, redundant, repetitious, repeated, duplicated, superfluous, duplicative, unnecessarily repeated",
    ),
    "creativity": (
        "creative, imaginative, inventive, witty, innovative, out of the box, vivid, evocative",
        "uncreative, unimaginative, cliched, cliché, clichéd, unoriginal, bland, formulaic, uninspired, "
        "cookie cutter, trite, derivative",
    ),
    "engaging style": (
        "engaging, captivating, entertaining, fun to read, enjoyable to read, lively, catchy, compelling to read",
        "boring, dull, dry, tedious, monotonous, lifeless, uninteresting, unengaging",
    ),
    "practicality": (
        "actionable, practical, easy to implement, immediately usable, hands on, feasible, doable, workable, "
        "viable, easy to apply",
        "bad idea, a bad idea, not a good idea, terrible idea, impractical, unrealistic, infeasible, "
        "unfeasible, unworkable, not feasible, not viable, impracticable, unusable",
    ),
    "depth": (
        "detailed, longer, in depth, insightful, nuanced, elaborate, well researched, informative, "
        "educational, full of detail, descriptive, thought provoking, well thought out",
        "superficial, shallow, surface level, simplistic, oversimplified, over simplified, high level only, "
        "basic, uninformative, underdeveloped, lacking in depth, bare bones, cursory, sketchy, rudimentary, "
        "minimal, sparse, lacking in detail, reductive",
    ),
    "specificity": (
        "specific, concrete, precise, exact, targeted",
        "generic, unspecific, non specific, imprecise, too general, overly general, overgeneralized, "
        "abstract, cookie cutter, boilerplate, inexact, noncommittal, evasive, wishy washy",
    ),
    "suitability for the audience": (
        "child friendly, kid friendly, family friendly, age appropriate, suitable for a layperson, suitable "
        "for beginners, suitable for children, suitable for kids, appropriate for beginners, suitable for a "
        "beginner, suited to the audience, layperson friendly, audience appropriate, well suited to "
        "beginners, approachable, suitable for the audience, appropriate for the audience",
        "too technical, overly technical, too advanced, too academic, jargon heavy, full of jargon, too "
        "complicated, too complex, over the reader's head, too difficult, too hard, too sophisticated, too childish",
    ),
    "personalisation": (
        "personalized, personalised, tailored, customized, customised",
        "impersonal, one size fits all",
    ),
    "usefulness of the information": (
        "useful, valuable, handy, insightful and useful",
        "useless, unhelpful, worthless, of no use, pointless, of little use, not useful",
    ),
    "instruction following": (
        "compliant, in line with the prompt, in line with the request, exactly what was asked, what the user "
        "asked for, what was asked for",
        "noncompliant, non compliant, not what was asked, not what the user asked, not what the user asked "
        "for, not what was requested, not what was asked for, not what i asked for, not as requested, not "
        "what i asked",
    ),
}

WEAK: dict[str, tuple[str, str]] = {
    "polite tone": (
        "polite, friendly, respectful, courteous, warm, considerate, tactful, cordial, welcoming, diplomatic, "
        "gracious, pleasant, civil",
        "rude, impolite, disrespectful, aggressive, insulting, condescending, dismissive, sarcastic, "
        "patronizing, patronising, harsh, hostile, arrogant, snarky, unfriendly, abrasive, confrontational, "
        "curt, blunt, preachy, judgmental, judgemental, moralizing, discourteous, belittling, accusatory, "
        "pushy, smug, snide",
    ),
    "professional tone": (
        "professional, businesslike",
        "unprofessional, too casual, too informal, childish, flippant",
    ),
    "appropriate tone": (
        "conversational, tonally appropriate, encouraging, neutral in tone, inviting, human like",
        "too formal, overly formal, overly enthusiastic, too dramatic, melodramatic, tone deaf, stiff, over "
        "the top, too cheerful, cheesy, overly dramatic, defensive",
    ),
    "empathy": (
        "empathetic, compassionate, sympathetic, supportive, empathic, sensitive, caring, understanding, reassuring",
        "insensitive, unsympathetic, uncaring, callous, heartless, unempathetic",
    ),
    "safety": (
        "safe, harmless",
        "harmful, dangerous, unsafe, hazardous, irresponsible, risky, toxic, inappropriate and harmful",
    ),
    "ethical content": (
        "ethical, responsible",
        "unethical, immoral, illegal, offensive, hateful, racist, sexist, discriminatory, obscene, vulgar, violent",
    ),
    "fairness and neutrality": (
        "unbiased, impartial, balanced, neutral, objective, fair, even handed, nuanced and balanced",
        "biased, partisan, prejudiced, stereotypical, opinionated, unbalanced, skewed",
    ),
    "creativity": (
        "original, unique, funny, humorous, clever",
        "predictable, corny",
    ),
    "engaging style": (
        "interesting, fun, fascinating, enjoyable, moving",
        "",
    ),
    "practicality": (
        "realistic, effective, implementable, affordable",
        "unlikely, ineffective, implausible, inadvisable",
    ),
    "common sense": (
        "",
        "counter to common sense, against common sense, contrary to common sense, absurd",
    ),
    "soundness of reasoning": (
        "rational, plausible, valid",
        "invalid, silly, improbable, unjustifiable",
    ),
    "fluency and grammar": (
        "natural, smooth",
        "",
    ),
    "grounding in the given context": (
        "verifiable, supported",
        "",
    ),
}
