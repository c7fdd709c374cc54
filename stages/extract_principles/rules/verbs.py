"""Verbs and verb phrases that judge the response by themselves, by principle: (praise, blame). Data only."""

VERBS: dict[str, tuple[str, str]] = {
    "quality of the explanation": (
        "explains, explain, explained, elaborates, elaborate, elaborates on, elaborate on, clarifies, "
        "clarify, walks through, explaining, illustrates, breaks down, break down, spells out, walks the user "
        "through",
        "",
    ),
    "justification": (
        "justifies, justify, justified by, substantiates, substantiate, backs up its, backs up",
        "",
    ),
    "depth": (
        "go deeper, goes deeper, gone deeper, dig deeper, digs deeper, go into more depth, go into more "
        "detail, gone into more detail, goes into depth, goes into detail, gone into more depth, goes into "
        "great detail, go into detail, go into depth",
        "scratches the surface, barely scratches the surface, only scratches the surface, stays on the surface, "
        "glosses over the",
    ),
    "soundness of reasoning": (
        "makes sense, make sense, made sense, making sense, adds up, add up, hold up, holds up, makes perfect "
        "sense, makes logical sense, logically follows, follows logically, follow logically, makes any sense, "
        "make any sense, make logical sense, make a lot of sense, make much sense, make rational sense, "
        "logically make sense",
        "makes no sense, make no sense, makes little sense, make little sense, makes absolutely no sense, "
        "made no sense, makes no logical sense, makes no rational sense, defies logic, is a leap, would be a "
        "leap, defy logic, makes zero sense",
    ),
    "no unsupported assumptions": (
        "",
        "wrongly assumes, wrongly assumed, incorrectly assumes, incorrectly assumed, falsely assumes, jumps "
        "to conclusions, jumps to the conclusion, assumes, assumed, presumes, makes an assumption, makes the "
        "assumption, makes assumptions, speculates, erroneously assumes, just assumes, makes a false "
        "assumption, assuming without, jumps to a conclusion",
    ),
    "common sense": (
        "",
        "defies common sense, goes against common sense",
    ),
    "internal consistency": (
        "",
        "contradicts, contradict, contradicted, contradicts itself, contradicting, conflicts with, is at odds "
        "with, contradict itself, contradict each other, contradicting itself, is in conflict with, at odds "
        "with itself",
    ),
    "grounding in the given context": (
        "sticks to the source, sticks to the text",
        "contradicts the context, goes against the context, contradicts the premise, contradicts the text, "
        "contradicts the passage, contradicts the article, contradicts the source, goes outside of the "
        "context, goes outside the context, ignores the context, ignores the premise, goes beyond the "
        "context, ignored the context, disregards the context",
    ),
    "no fabricated information": (
        "",
        "hallucinates, hallucinate, hallucinated, hallucinating, fabricates, fabricated, fabricate, makes up, "
        "make up, made up, making up, invents, invent, invented, inventing, fabulates, conjures, makes things "
        "up, makes stuff up, made up facts, confabulates",
    ),
    "understanding of the prompt": (
        "understands the prompt, understand the assignment, understand what was asked, understands the question, "
        "understood the prompt, understood the question, "
        "understands the request, understands the task, understood the assignment, understands the user, "
        "understands what, grasps the question, understand the question, understand the prompt, understand "
        "the request, understand what the user, understand the task, understands the intent, understand the "
        "user, correctly interprets, understand the context, understand that, grasp the concept, understand "
        "the concept, interprets the prompt correctly, understands that the, interpret the question correctly",
        "misunderstands, misunderstood, misunderstand, misinterprets, misinterpreted, misinterpret, misreads, "
        "misread, misses the point, missed the point, mis interprets, misunderstanding, misconstrues, "
        "misconstrued, missing the point, misses the mark, missed the mark, miss the point, miss the mark, "
        "wrongly understood, wrongly interpreted, incorrectly interprets, fundamentally misunderstands, "
        "misinterpreting, wrongly interprets, misapprehends, misjudges, takes the question literally, mistook",
    ),
    "arithmetic accuracy": (
        "",
        "miscalculates, miscalculated, miscalculate, miscounts, miscounted, miscount, miscomputes, "
        "miscalculating, misadds, calculated wrong, calculated incorrectly, calculated wrongly, adds up "
        "wrong, incorrectly calculated, incorrectly calculates, wrongly calculated, wrongly calculates, "
        "erroneously calculates, wrongly calculate, incorrectly adds, incorrectly multiplies, incorrectly "
        "divides, incorrectly subtracts, wrongly multiplied, calculates incorrectly, falsely calculates, does "
        "the math wrong, incorrectly computes, wrongly computes",
    ),
    "accuracy of information": (
        "gets the facts right, got the facts right, gets its facts right, get the facts right",
        "can't be trusted, cannot be trusted, confuses, misstates, misrepresents, misidentifies, misidentified, "
        "misattributes, misquotes, mislabels, mischaracterizes, misrepresented, misattributed, misspeaks, "
        "misleads, misnames, gets the facts wrong, gets facts wrong, conflates, conflated, misdescribes, "
        "exaggerates, understates, gets it wrong, got it wrong",
    ),
    "correctness of the answer": (
        "gets the right answer, gets it right, got it right, arrives at the correct answer, reaches the "
        "correct answer, gives the correct answer, gives the right answer, got the right answer, got the "
        "correct answer, gets the correct answer, arrives at the right answer, provides the correct answer, "
        "provides the right answer, answers correctly, arrive at the correct answer, answers the question "
        "correctly, reaches the right answer, reaches the correct conclusion, arrives at the correct "
        "conclusion, comes to the correct conclusion, comes to the right conclusion, arrive at the correct "
        "conclusion, answered correctly, answered the question correctly, answer the question correctly, "
        "answer correctly, solves the problem, solve the problem, solve the task, arrive to the correct "
        "answer, reach the correct answer, answer question correctly, get the correct answer, give the "
        "correct answer, provide the correct answer, provide the right answer, give the right answer, get the "
        "right answer, solves the equation, reach the right answer, come to the correct conclusion",
        "mixes up, mixed up, mixing up, gets the answer wrong, got the answer wrong, gets wrong, got wrong, "
        "mix up, answered incorrectly, answers incorrectly, answers the question incorrectly, is mixing, gets "
        "this wrong, comes to an incorrect conclusion, reaches an incorrect conclusion, comes to the wrong "
        "conclusion, arrives at the wrong answer, gives the wrong answer, reaches the wrong conclusion, "
        "arrives at a wrong answer, leads to an incorrect answer, leads to a wrong answer, leads to the wrong "
        "answer, provides the wrong answer, got the last step wrong, chooses the wrong, chooses wrong, picks "
        "the wrong, chose the wrong, selects the wrong, selected the wrong, arrives at an incorrect answer, "
        "leads to the wrong result, leading to the wrong result",
    ),
    "relevance": (
        "stays on topic, stay on topic, stays focused, stay focused, sticks to the topic, stays on point, "
        "stick to the topic, gets straight to the point, get to the point, gets to the point",
        "digresses, loses focus, adds no value, add no value, adds little value, loses track, veers off, goes "
        "off topic, goes off on a tangent, strays from the topic, goes on a tangent, veers away, wanders off, "
        "has nothing to do with, have nothing to do with, had nothing to do with, has no bearing on, have no "
        "bearing on, has no relevance, went off topic, goes off track, bears no relation to, drifts away "
        "from, drifts off, has no relation to, contributes nothing, adds nothing, strays off topic, does not "
        "belong, doesn't belong, do not belong, don't belong, is not needed, are not needed, was not needed, "
        "is not necessary, are not necessary, isn't necessary, was not necessary, not necessary, isn't needed",
    ),
    "clarity": (
        "reads clearly, reads smoothly, reads easily, couldn't be clearer, could not be clearer",
        "confuses the reader, confuses the user, leaves the reader confused, could confuse, may confuse, "
        "might confuse, leaves the user confused, is hard to tell, would confuse",
    ),
    "simplicity": (
        "simplifies, keeps it simple",
        "overcomplicates, over complicates, overcomplicated the, overthinks",
    ),
    "fluency and grammar": (
        "flows well, flow well, flows naturally, flow naturally, flows smoothly, flow smoothly",
        "",
    ),
    "conciseness": (
        "keeps it short, keeps it brief, doesn't waste words, wastes no words",
        "rambles, rambles on, goes on and on, drags on, goes on too long, goes on for too long, beats around "
        "the bush, waffles, over explains, overexplains, could be shortened, could be trimmed, could be "
        "condensed, could have been shorter, should be shorter, drones on, runs too long, goes into too much "
        "detail, should have been shorter, could be cut, needs trimming, could be cut down, provides too much "
        "information, gives too much information, contains too much information, too much detail, too much "
        "information, too many details, too many words, more than necessary, more than needed, could have "
        "been condensed",
    ),
    "no repetition": (
        "",
        "repeats, repeat, repeats itself, repeated itself, repeating, reiterates, restates, rehashes, says "
        "the same thing, duplicates, repeat itself, regurgitates, repeating itself, says the same, restating, "
        "parrots",
    ),
    "completeness": (
        "covers all, covers everything, covers every, leaves nothing out, includes everything, covered "
        "everything, has everything, answers all, addresses all, addresses every, addresses each, covers all "
        "the, answers every, nothing is missing, nothing was lost, answers both, answers each, contains "
        "everything, addresses both, cover all, address all, answer all, covers a lot of ground, covers the "
        "main, covers the key, gets everything, touches on all, hits all, includes all the, contains all, has "
        "all the, covers both, covers most",
        "ends abruptly, stops abruptly, gets cut off, was cut off, is cut off, cuts off, stops short, stops "
        "mid sentence, ends mid sentence, leaves the reader hanging, does not finish, doesn't finish, did not "
        "finish, didn't finish, trails off, ends prematurely, leaves out, left out, stops halfway, only "
        "covers, only covered, only addresses, only answers, only mentions, only lists, only gives, only "
        "provides, only includes, only focuses on, only focused on, just lists, only answered, only "
        "addressed, only considers, only considered, only talks about, only accounts for, focuses only on, "
        "only describes, only discusses, only explains, only takes into account",
    ),
    "executable code": (
        "does what it is supposed to, does what it's supposed to, works as it should, compiles, compile, "
        "runs, run, executes, execute, works, work, worked, works perfectly, runs fine, works as expected, "
        "works as intended, runs successfully, compiles and runs, works well, works fine, runs without "
        "errors, runs without error, runs without any errors, run without errors, works correctly, passes all "
        "tests, passes the tests, passes all the tests, passes all test cases, passes the unit tests, works "
        "properly, pass the tests, pass all tests, work correctly, work properly, runs correctly, run "
        "properly, solves the task, work as intended, work as expected, functions as expected, functions as "
        "intended, pass the unit tests, passes every test, runs out of the box",
        "crashes, crashed, throws an error, throws an exception, throws errors, raises an error, raises an "
        "exception, results in an error, produces an error, fails to compile, fails to run, fails the tests, "
        "gives an error, fails the unit tests, fails all tests, errors out, will crash, would crash, raise an "
        "error, throw an error, returns an error, causes an error, cause an error, leads to an error, fails "
        "at runtime, would fail, will fail, segfaults, fails for, would throw, will throw, results in a "
        "syntax error, breaks when, breaks if, is not defined, is undefined, not defined, was never defined, "
        "never terminates, runs forever, does not terminate, raises a typeerror, raises a valueerror, would "
        "error, raise an exception, never returns",
    ),
    "language match with the prompt": (
        "matches the language, language matches, in the same language, in the correct language, in the "
        "requested language, in the right language, written in the language of, in the user's language, in "
        "the language of the prompt, is in the same language, in the target language, in the language "
        "requested, matches the prompt's language",
        "in the wrong language, switches to english, mixes languages, switches language, switches languages, "
        "answers in english, responds in english, replied in english, responded in english, answered in "
        "english, in a different language, in another language, mixes english, replies in english, switches "
        "into english, switched to english, mixing languages, language mismatch, switches between languages, "
        "not in the language, left in english, mix of languages, instead of the requested language, instead "
        "of the language",
    ),
    "preservation of meaning": (
        "preserves, preserve, retains, retain, stays true to, keeps the meaning, stays faithful to, keeps the "
        "original, meaning is kept, meaning is preserved, retained, preserved, remains faithful to, remains true to",
        "changes the meaning, alters the meaning, distorts, distorted, loses the meaning, changed the "
        "meaning, distorts the meaning, altered the meaning, loses the nuance, twists the meaning",
    ),
    "safety": (
        "",
        "encourages violence, promotes violence, promotes harm, encourages harm, could be harmful, could "
        "cause harm, may cause harm, could be dangerous, can be dangerous, could hurt, could harm, might be "
        "dangerous, may be harmful, can cause damage, could cause damage, will cause damage, could damage, "
        "may damage, could lead to injury, might cause harm, can be harmful, puts the user at risk, could "
        "injure, could endanger, can cause harm, cause serious harm, encourages illegal, promotes illegal, "
        "may be dangerous, might ruin, puts people at risk",
    ),
    "instruction following": (
        "exactly what they asked, exactly what was asked, exactly what i asked, exactly what the user, as "
        "requested, as instructed, as asked, as the user requested, as the user asked, as specified, as the "
        "prompt asked, exactly as asked, per the request, as per the request, per the instructions, follows "
        "the prompt, followed the prompt, follow the prompt, does what was asked, does exactly what, does "
        "what the user asked, did what was asked, fulfills the request, fulfils the request, fulfills the "
        "prompt, follows the request, satisfies the request, satisfies the prompt, meets the request, fulfill "
        "the request, adheres to the prompt, adhere to the prompt, sticks to the prompt, follows all, "
        "complies with the request, follow the request, does what is asked, does what it was asked, did what "
        "the user, meets all, respects all, fulfilled the request, fulfil the request, satisfy the request, "
        "do what was asked, do what the user asked, completes the task, accomplishes the task, fulfills the "
        "task, complete the task, accomplish the task, does what the prompt, do what the prompt, follow the "
        "user's, fulfills all, adheres to all, do what the context, satisfies all, meets the user's needs, "
        "meet the user's needs, follows what, meets the needs",
        "ignores the prompt, ignored the prompt, ignores the request, ignores the user, disregards the "
        "prompt, disregards the user, ignored the request, ignores what, disregards the request, does "
        "something else, deviates from the prompt, refuses to answer, refused to answer, refuses to, refuse "
        "to answer, goes against the prompt, strays from the prompt, ignores part of the prompt, refuses the "
        "request, declines to answer, did something else, ignores half of, disregards what",
    ),
    "answering the question asked": (
        "answers the question, answer the question, answered the question, addresses the question, responds "
        "to the prompt, addresses the prompt, addresses the user's, responds to the question, address the "
        "question, address the prompt, answering the question, respond to the prompt, respond to the "
        "question, address the user's, addressed the prompt, addresses the request, answers the prompt, "
        "answer the prompt, answers the user's, answer the user's, answered the prompt, addresses the issue, "
        "addresses the problem, addresses the query, answers what, answer what, answers question, answer "
        "question, addressing the question, directly answer, directly answers, responds to the user's, "
        "addresses the main question, answers my question, answer my question, addressed the question, "
        "address the issue, address the request, answered the user's, responds to the request, respond to the "
        "user's, addresses the topic, addresses the core, answers the actual question, address the actual "
        "question, answer the actual question, resolves the issue, resolve the issue",
        "dodges the question, avoids the question, evades the question, sidesteps the question, ignores the "
        "question, answers a different question, answers the wrong question, ignored the question, skirts the "
        "question, avoids answering, dodges, asks a different question, evades, answered a different "
        "question, answers something else, was not the question, not what the question, solves a different "
        "problem, answered the wrong question, disregards the question, that was not asked, that wasn't asked",
    ),
    "conclusiveness of the answer": (
        "picks one option, gives a definite answer",
        "without reaching a conclusion, doesn't reach a conclusion, fails to reach a conclusion, sits on the "
        "fence, never reaches a conclusion, doesn't pick, does not pick, does not choose, doesn't choose, "
        "didn't choose, did not choose, did not pick, fails to choose, fails to pick, refuses to choose, does "
        "not commit, doesn't commit, does not conclude, doesn't conclude, does not select, doesn't select, "
        "refuses to make any choice, did not select, does not specify which, doesn't specify which, without "
        "saying which",
    ),
    "engaging style": (
        "captures the reader, draws the reader in, keeps the reader engaged, keeps the reader",
        "bores",
    ),
    "overall quality": (
        "nothing to complain about, no complaints, nothing to criticize, good job, great job, excellent job, "
        "does a good job, does a great job, nice job, well done, nothing to improve, couldn't be better, does "
        "an excellent job, can't be improved, hits the mark, nothing to add, no issues, no problems, did a "
        "good job, did a great job, no room for improvement, no major issues, solid response, does well, "
        "exceeds expectations",
        "falls short, fell short, falls flat, bad job, poor job, leaves a lot to be desired, leaves much to "
        "be desired, does a poor job, does a bad job, room for improvement, could be improved, can be "
        "improved, should be improved, needs improvement, needs work, could be better, could have been "
        "better, needs to be improved, did a poor job, does a terrible job, could use some work, could use "
        "improvement, needs more work",
    ),
}
