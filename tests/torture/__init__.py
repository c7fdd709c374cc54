"""The whole chain under random, seeded faults, each resumed and compared: `python -m tests.torture OUT`."""
