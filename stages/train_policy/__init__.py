"""train-policy: prompts and rewards -> a policy folder with rollouts and metrics.

Reads `prompts`, writes a model that transformers load, `rollouts` and `metrics` as shards. Groups of completions are
sampled, scored by stages/rewards, stored, and learned from: the policy gradient of tokens outside the clip range is
kept, bounded by two coefficients, instead of cut off. Method: CE-GPPO, arXiv 2509.20712; alignment: RLBFF, arXiv
2509.21319.
"""
