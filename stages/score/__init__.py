"""score: rows with responses -> what a reward model thinks of each, by any principle.

Reads `prompt` and `completion` (or several completions, a pair, a whole chat), writes `scores`: the log-odds that the
response satisfies a principle beside the calibrated probability, one row a response and principle, or one a response
with the principles combined. From the scores it makes the best response of every prompt, or `preferences`. All
principles of a response are asked together, so that the model reads the response once. Method: RLBFF, arXiv 2509.21319.
"""
