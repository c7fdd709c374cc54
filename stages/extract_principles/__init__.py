"""extract-principles: from natural-language feedback to yes/no principles with evidence.

Reads the feedback table and writes the principles table. Each annotator's text is read on its own and answered with
principles, the words that show each, and a verdict; four filters then keep what is said verbatim, clear and shared by
all annotators. Method: "RLBFF: Binary Flexible Feedback" (arXiv 2509.21319).
"""
