"""eval: benchmark figures with intervals, from stored scores and verdicts, or by running a reward model.

Reads benchmark rows in their own layouts (RM-Bench, JudgeBench, RewardBench 2, LLMBar, PandaLM, AlpacaEval, samples) or
scored principle rows, and writes the metrics table. Every figure has a bootstrap interval and the number of units it
rests on; two sources of scores are compared on the same rows. Formulas: docs/eval.md, each with its paper.
"""
