"""Where a completion that continues its prompt's code is cut, unless a user says otherwise. Imports nothing."""

from typing import Final

STOPS: Final = ("\\nclass ", "\\ndef ", "\\n#", "\\nif ", "\\nprint")
"""As they are typed on a command line; the first that occurs ends the completion."""
