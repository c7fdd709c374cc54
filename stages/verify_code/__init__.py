"""verify-code: programs and tests -> the solution x test matrix, its rates, and which programs to keep.

Reads rows with solutions and tests, writes `verdicts`: each test's outcome in a sandbox that the program cannot fool,
pass rates plain and weighted by the measured strength of tests, consensus among the solutions of a task, flakiness,
clusters of equal programs, and a keep decision with its reason. "All tests pass" is one rule among several; calibrated
ones state the precision that they reach. Method: Verification Limits Code LLM Training, arXiv 2509.20837.
"""
