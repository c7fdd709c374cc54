"""train-rm: principles -> a reward-model folder.

Reads `principles` (or `preferences`), writes a model that transformers load, metrics as shards, and the held-out rows.
A response and a principle become one chat that ends where Yes or No comes; the log-odds of the two are trained to say
whether the response satisfies the principle, all principles of one response sharing its tokens in tree attention.
A temperature and a bias fitted on held-out conversations turn log-odds into probabilities. Method: RLBFF, arXiv
2509.21319.
"""
