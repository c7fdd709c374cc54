"""The command line of rlbff: the only package that knows a terminal. Stages never import it."""
