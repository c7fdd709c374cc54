"""Programs and their tests as values: what a row holds, the solution x test matrix of a task, and rules over it.

Shared by verify-code, the `code:` reward and eval. Nothing here runs a program (that is `sandbox/`) or touches the
disk. Method: Verification Limits Code LLM Training, arXiv 2509.20837.

Start at `task.py` (what a row holds), `reading.py` (how a row becomes it), `matrix.py` (what came of running it),
`standings.py` (how all programs stand) and `keep.py` (which of them are kept).
"""
