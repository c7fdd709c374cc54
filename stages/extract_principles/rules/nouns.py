"""Parts and sides of a response that feedback judges, by principle. Data only."""

# Parts whose mere presence or absence is a judgement ("provides examples", "no tests").
PARTS: dict[str, str] = {
    "use of examples": (
        "example, examples, illustration, illustrations, use case, use cases, sample output, sample input, sample "
        "outputs, analogy, analogies, worked example, code snippet, code snippets, code example, code examples, "
        "usage example, example usage, anecdotes, scenarios, demonstration"
    ),
    "quality of the explanation": (
        "explanation, explanations, elaboration, walkthrough, clarification, clarifications, commentary, "
        "explanatory text, step by step explanation, description of the code, breakdown, interpretation"
    ),
    "justification": (
        "justification, justifications, rationale, evidence, proof, supporting evidence, support, reasons, "
        "argumentation, supporting arguments, explanation why, derivation"
    ),
    "sources and citations": (
        "source, sources, citation, citations, reference, references, links, link, bibliography, urls, external "
        "resources"
    ),
    "completeness of the steps": "steps, intermediate steps, step, working, workings, intermediate step",
    "completeness": (
        "conclusion section, introduction section, key points, main points, important points, key point, key "
        "information, important information, key details, important details, crucial information, necessary "
        "details, essential information, crucial details, main point, key aspects, important aspects, key "
        "elements, relevant details, key facts, necessary information, required information, additional "
        "information needed, all aspects, all parts, all the points, all points, every aspect, all questions, "
        "main ideas, main idea, key ideas, all of the points, a greeting, greeting, a closing, sign off, subject "
        "line, key features, critical information, critical details, important facts, vital information, relevant "
        "information needed"
    ),
    "depth": (
        "detail, details, depth, nuance, insight, insights, context needed, background information, background, "
        "in depth analysis, elaborations, more information, more details, further detail, further details, enough "
        "information, sufficient information, additional details, extra detail, more context"
    ),
    "code comments": ("comments, comment, inline comments, inline comment, code comments, code comment, annotations"),
    "code documentation": (
        "docstring, docstrings, documentation, readme, javadoc, jsdoc, type hints, type annotations, doc string, "
        "doc strings, usage instructions"
    ),
    "edge case handling": (
        "edge case, edge cases, corner case, corner cases, boundary case, boundary cases, boundary conditions, "
        "null checks, empty input, empty inputs, empty list, empty lists, special cases, input validation, "
        "validation, negative numbers, null values, empty strings, invalid input, invalid inputs, unexpected "
        "input, unexpected inputs, base case, base cases, off by one, special characters"
    ),
    "error handling": (
        "error handling, exception handling, error checking, exceptions, error checks, error messages, try catch, "
        "error management"
    ),
    "tests": (
        "test, tests, test cases, test case, unit test, unit tests, testing, test coverage, test suite, assertions"
    ),
    "readable layout": (
        "headings, heading, headers, bullet points, bullets, numbered list, table, tables, bold text, "
        "subheadings, section headings, line breaks, paragraphs, paragraph breaks, white space, bulleted list, "
        "bullet point, numbered lists, bulleted lists, code blocks, code block, latex, markdown, visual aids"
    ),
    "formatting": "indentation",
    "empathy": "empathy, compassion, sympathy, understanding tone",
    "safety": (
        "disclaimer, disclaimers, safety warnings, warning, warnings, safety precautions, caveats, caveat, safety "
        "information, professional advice"
    ),
    "conclusiveness of the answer": (
        "conclusion, final answer, conclusive answer, definite answer, definitive answer, clear answer, concrete "
        "answer, straight answer, direct answer, final result"
    ),
    "practicality": (
        "actionable advice, actionable steps, practical advice, practical tips, actionable tips, practical "
        "examples, concrete steps, concrete advice, practical steps, actionable insights"
    ),
    "creativity": "creativity, originality, imagination, humor, humour, wit",
    "personalisation": "personalization, personalisation, personal touch",
    "soundness of reasoning": "common thread",
    "structure": "introduction, thesis, transitions, logical flow, topic sentence, thesis statement",
}

# Sides of a response that are judged but not merely present ("the tone is wrong", "good structure").
ASPECTS: dict[str, str] = {
    "accuracy of information": (
        "accuracy, factual accuracy, information, fact, facts, content, claim, claims, statement, statements, "
        "data, figures, date, dates, definition, definitions, description, descriptions, details given, advice, "
        "suggestion, suggestions, recommendation, recommendations, correctness, veracity, assertion, factuality, "
        "assertions, truthfulness, names of people, terminology, tips, year, quote, quotes, precision"
    ),
    "correctness of the answer": (
        "value, values, option, choice, prediction, classification, label, selection, output value, quantity, "
        "number, numbers, interpretation of the data, ingredient, ingredients, unit, units, instruction given, "
        "answer choice, conclusions, final conclusion, claim made, answers given, measurement, tool"
    ),
    "accuracy of the translation": "translation, translations",
    "soundness of reasoning": (
        "reasoning, logic, argument, arguments, thinking, inference, deduction, inferences, deductions, thought "
        "process, chain of reasoning, line of reasoning, chain of thought, logical reasoning, logical thinking, "
        "logical structure, logical flow of the argument, analysis, train of thought, premises used"
    ),
    "correctness of the method": (
        "approach, method, methods, methodology, procedure, operation, operations, strategy, technique, mode of "
        "calculation, steps taken, steps shown, steps provided, steps used, move, first step, last step, final "
        "step, second step, third step, next step, procedures, solution steps, approaches"
    ),
    "arithmetic accuracy": (
        "calculation, calculations, arithmetic, math, maths, computation, computations, sum, sums, algebra, "
        "multiplication, addition, subtraction, division, equation, equations, mathematics, numerical result"
    ),
    "completeness": "completeness, coverage, comprehensiveness, thoroughness",
    "relevance": "relevance, relevancy, focus",
    "clarity": (
        "clarity, wording, phrasing, presentation, readability, writing, prose, sentence, sentences, "
        "understandability, text quality, legibility, definition of terms"
    ),
    "simplicity": "simplicity, complexity of the language",
    "conciseness": "conciseness, brevity, verbosity, concision, wordiness",
    "appropriate length": "length, word count used, size",
    "instruction following": "instruction following, adherence, compliance",
    "internal consistency": "consistency, coherence",
    "grounding in the given context": "grounding, faithfulness",
    "quality of the explanation": "explanation of the code, reasoning given, explanation given",
    "correctness of the code": (
        "code, function, functions, script, program, algorithm, implementation, syntax, query, regex, regular "
        "expression, class, method call, variable, variables, condition, conditions, loop, loops, return value, "
        "return statement, if statement, recursion, snippet, functionality, for loop, while loop, return type, "
        "data type, indexing, index, range, formula, parameter, parameters, import, imports, library, code "
        "sample, sample code, return logic, statement in the code, sql, html, css, javascript, python code, api, "
        "regex pattern, pattern, else statement, string, codes, coding, programming, solution code, line of code, "
        "base condition, error message, return, model sample"
    ),
    "code efficiency": (
        "efficiency, performance, time complexity, space complexity, runtime, complexity, scalability, "
        "optimization, optimisation"
    ),
    "code readability": (
        "variable names, naming, naming conventions, variable naming, function names, code readability, code "
        "style, coding style, code structure, maintainability, code quality, modularity, code organization, "
        "method names, identifiers"
    ),
    "coding best practices": (
        "best practices, coding standards, conventions, design patterns, coding conventions, best practice, "
        "security best practices"
    ),
    "code security": "security, sql injection protection, security measures",
    "formatting": (
        "format, formatting, layout, styling, markdown formatting, spacing, capitalization, output format, visual "
        "presentation, typography, numbering"
    ),
    "structure": (
        "structure, organization, organisation, flow, order, ordering, outline, sequence, arrangement, paragraph "
        "structure, sequencing"
    ),
    "fluency and grammar": (
        "grammar, spelling, fluency, punctuation, language use, syntax of the sentence, sentence structure, "
        "english, grammar and spelling, language quality, spanish, french, german, italian, portuguese, chinese, "
        "japanese, korean, russian, arabic, hindi, dutch, polish, turkish, vietnamese, indonesian"
    ),
    "language match with the prompt": "language of the response, response language",
    "word choice": "vocabulary, word choice, choice of words, diction, language, register, terms, word choices",
    "polite tone": "politeness, manners, friendliness, courtesy",
    "appropriate tone": ("tone, voice, tone of voice, mood, style of speech, formality, level of formality, attitude"),
    "professional tone": "professionalism",
    "safety": "safety, harmlessness, refusal",
    "fairness and neutrality": "neutrality, objectivity, fairness, balance, impartiality",
    "ethical content": "ethics",
    "no repetition": "variety, diversity of the sentences",
    "engaging style": (
        "engagement, style, writing style, narrative, storytelling, plot, characters, imagery, dialogue, pacing, "
        "rhyme, rhythm, rhyme scheme, hook, character development, meter, opening line, ending"
    ),
    "usefulness of the information": (
        "usefulness, utility, resources, value to the user, helpful tips, helpful advice, useful tips, useful "
        "advice, useful information, helpful information, valuable information, valuable insights, useful "
        "insights, helpful suggestions, useful suggestions, practical value"
    ),
    "practicality": "practicality, feasibility, usability, actionability",
    "depth": ("depth of analysis, level of detail, amount of detail, insightfulness, depth of knowledge, research"),
    "specificity": "specificity, concreteness",
    "suitability for the audience": ("audience fit, reading level, audience, level of difficulty, level of language"),
    "preservation of meaning": "meaning, original meaning, intent of the original, nuances",
    "overall quality": "quality, overall quality, attempt, effort, job",
    "understanding of the prompt": "understanding, comprehension, grasp, understanding of the prompt",
    "creativity": "concept, premise of the story, metaphors, wordplay",
}

# What a response can only follow or break.
TASKS: dict[str, str] = {
    "instruction following": (
        "instruction, instructions, requirement, requirements, constraint, constraints, guidelines, directions, "
        "directive, specification, specifications, criteria, system prompt, requested format, rules, rule, "
        "requested structure, given format, required format, specified format, format requested, user's "
        "instructions, prompt requirements, conditions of the prompt, demands, specs, stipulation, stipulations, "
        "guideline, user's requirements, prompt instructions, restriction, restrictions, acceptance criteria, "
        "desired format, requested style, requested tone, commands, command"
    ),
    "adherence to the requested length": (
        "word limit, word count, length requirement, character limit, length limit, number of words, word "
        "requirement, requested length, sentence limit, length constraint, number of sentences, required length, "
        "requested number, specified length, specified number, page limit, length restriction"
    ),
    "language match with the prompt": (
        "requested language, language of the prompt, user's language, same language, language requested, target "
        "language, prompt language, language of the user, correct language, right language"
    ),
}


# "The explanation is wrong" is about accuracy, "the explanation is good" about the explanation.
CORRECTNESS_OF: dict[str, str] = {
    "quality of the explanation": "accuracy of information",
    "use of examples": "accuracy of information",
    "completeness of the steps": "correctness of the method",
    "conclusiveness of the answer": "correctness of the answer",
    "readable layout": "formatting",
    "usefulness of the information": "accuracy of information",
    "depth": "accuracy of information",
    "completeness": "accuracy of information",
    "clarity": "accuracy of information",
    "justification": "soundness of reasoning",
    "word choice": "word choice",
    "overall quality": "correctness of the answer",
}
QUALITY_OF: dict[str, str] = {
    "accuracy of information": "usefulness of the information",
    "correctness of the answer": "overall quality",
    "conclusiveness of the answer": "overall quality",
    "arithmetic accuracy": "arithmetic accuracy",
    "word choice": "word choice",
}
