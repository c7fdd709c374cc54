"""The sandbox: says which tests a hostile program passes, on an ordinary Linux, without root and without packages.

Verdict integrity comes from a split of processes: the solution's process never holds tests or expected values, the
tester's process never runs solution code, and only plain tagged data crosses. Host safety comes from layers (limits,
Landlock, seccomp, namespaces) that are tried out by canary programs before anything runs. Neither replaces the other.

Start at `sandbox.py` (open_sandbox, Sandbox.verify), `jobs.py` (what goes in), `verdict.py` (what comes out),
`layers.py` (what protects, and what is missing here) and `self_test.py` (the attack battery).
"""
