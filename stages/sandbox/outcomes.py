"""What the code of tests can say other than that it passes: exceptions between the files that run tests."""


class BadTests(Exception):
    """The tests cannot be run, whatever the program."""


class SetUpFailed(BadTests):
    """What runs before the first test raises; where it calls the program, because of the program."""


class Skipped(BaseException):
    """A test leaves itself out; no Exception, so that what the test expects of the program does not catch it."""


class Failed(BaseException):
    """A test fails by its own word; no Exception, likewise."""
