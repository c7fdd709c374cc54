"""The principles that the rules can name, each a neutral noun phrase in exactly one family. Data only."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "accuracy": (
        "accuracy of information",
        "correctness of the answer",
        "accuracy of the translation",
        "up-to-date information",
    ),
    "logic": (
        "soundness of reasoning",
        "correctness of the method",
        "common sense",
        "no unsupported assumptions",
    ),
    "arithmetic": ("arithmetic accuracy",),
    "completeness": (
        "completeness",
        "completeness of the steps",
        "consideration of all given facts",
        "conclusiveness of the answer",
    ),
    "relevance": ("relevance", "answering the question asked"),
    "clarity": ("clarity", "simplicity", "clarity of the derivation"),
    "conciseness": ("conciseness", "appropriate length"),
    "instruction_following": (
        "instruction following",
        "understanding of the prompt",
        "adherence to the requested length",
    ),
    "consistency": ("internal consistency",),
    "grounding": ("grounding in the given context", "no fabricated information"),
    "justification": ("justification", "quality of the explanation", "sources and citations"),
    "code_correctness": ("correctness of the code", "executable code", "code security"),
    "code_efficiency": ("code efficiency",),
    "code_readability": ("code readability", "coding best practices"),
    "code_documentation": ("code comments", "code documentation"),
    "code_edge_cases": ("edge case handling", "error handling"),
    "code_tests": ("tests",),
    "formatting": ("formatting", "readable layout"),
    "structure": ("structure", "order of the content"),
    "language": ("language match with the prompt", "fluency and grammar", "word choice", "preservation of meaning"),
    "tone": ("polite tone", "appropriate tone", "professional tone", "empathy"),
    "safety": ("safety", "fairness and neutrality", "ethical content"),
    "repetition": ("no repetition",),
    "creativity": ("creativity", "engaging style"),
    "examples": ("use of examples",),
    "practicality": ("practicality", "usefulness of the information"),
    "depth": ("depth", "specificity"),
    "audience_fit": ("suitability for the audience", "personalisation"),
    "other": ("helpfulness", "overall quality"),
}

FAMILY_OF: dict[str, str] = {principle: family for family, names in FAMILIES.items() for principle in names}
