"""select-cotp: a pool of chains of thought and a small core set -> the pool's rows that reason most like the core.

Reads `cots`, writes `selected`: for each core row the pool rows whose sequence of reasoning patterns and whose sequence
of token entropies warp best onto the core row's own, by exact weighted DTW, a pool row at most once. The choice is an
assignment with a certificate of its optimality; random, nearest-neighbour and greedy control arms stand beside it.
Method: CoTP, "Expanding Reasoning Potential in Foundation Model by Learning Diverse Chains of Thought Patterns",
arXiv 2509.21124.
"""
