"""Rewards: a reward model, a judge, or a server, named by one word, that gives responses their scores.

Stages see a `RewardModel` only; which kind of model is behind it is decided in `open.py`.
"""
