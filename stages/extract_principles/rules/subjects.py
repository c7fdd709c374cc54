"""Nouns that stand for the response, for what is not the response, and for what it should have been. Data only."""

RESPONSE = (
    "candidate, candidate output, response, responses, answer, answers, reply, output, outputs, model, "
    "completion, assistant, chatbot, ai, bot, solution, submission, summary, poem, story, essay, letter, email, "
    "list, recipe, plan, itinerary, post, speech, paragraph, paragraphs, section, article written, result, "
    "results, everything, text, first sentence, last sentence, second sentence, third sentence, first paragraph, "
    "last paragraph, fourth sentence, penultimate sentence, first line, review, cover letter, message, story "
    "line, rewrite, rewriting, work, report, song, lyrics, outline given, points, point, lists, items, item, "
    "half, part, parts, response itself, llm, first part, second part, rest, sample, model's response, ai's "
    "response, assistant's response, final output, blog post, paraphrase, title, titles, headline, joke, jokes, "
    "guide, overview, tutorial, discussion, comparison, rundown, version, piece, draft, treatment, manner, "
    "fashion, way, tone overall, answer given, answer provided, response given, response provided, document, "
    "proof"
)
PRONOUN = "it, this, that, these, they, those, which, its output, both, all of it, all of this, the above"
FOREIGN = (
    "prompt, question, user, users, context, premise, hypothesis, passage, article, task, request, original, "
    "narrator, input, someone, query of the user, questions, requests, he, she, i, we, you, person, people, "
    "author, speaker, asker, problem statement, prompter, customer, reader, readers, annotator, evaluator, story "
    "given, other response, reference answer, ground truth, expected output, unit tests given, goal, other "
    "answer, previous response, first response, second response, response 1, response 2, response a, response b, "
    "user's question, user's request, user's prompt, user's code, original code, original prompt, original "
    "question, original text, source text, given context, given text, problem, issue, who, my"
)

# What should have been: a topic of its own, unless the response is said to reach it.
RIGHT_THINGS: dict[str, str] = {
    "correctness of the answer": (
        "correct answer, right answer, actual answer, right result, correct response, right option, correct "
        "option, best answer, correct solution, ideal answer, ideal response, better answer, better response, "
        "correct result, proper answer, real answer, good answer, good response, perfect answer, perfect "
        "response, correct conclusion, right conclusion, correct choice, right choice, right solution, correct "
        "value, correct number, correct output, right number, right value, expected result, correct results, "
        "expected output"
    ),
    "correctness of the method": (
        "correct approach, right approach, correct formula, right formula, correct way, right way, best way, "
        "correct method, right method, correct steps, right steps, correct procedure, proper steps, correct "
        "operation, proper method"
    ),
    "arithmetic accuracy": "correct calculation, right calculation, correct calculations, correct equation",
}
