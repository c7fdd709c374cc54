import numpy as np

from stages.select_cotp.splitmix import splitmix64


def twin(state: int) -> int:
    """As the authors' program in C writes it."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


def test_numbers_are_those_of_the_generator() -> None:
    states = [0, 1, 2**63, 2**64 - 1, 0x0123456789ABCDEF]
    found = splitmix64(np.array(states, dtype=np.uint64)).tolist()
    assert found == [twin(state) for state in states]
    # the first number of the generator seeded with 0, as java.util.SplittableRandom gives it
    assert found[0] == 0xE220A8397B1DCDAF
    assert splitmix64(np.zeros(0, dtype=np.uint64)).tolist() == []
