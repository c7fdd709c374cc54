"""`rlbff` with the fake stage among its commands; run as a script by tests that need a process."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rlbff_cli import table

table.COMMANDS = (  # type: ignore[misc]
    *table.COMMANDS,
    table.Entry(
        name="fake",
        about="Do what the options ask for.",
        config="tests.rlbff_cli.fake_stage:FakeConfig",
        work="tests.rlbff_cli.fake_stage:run",
        argument="THING",
        example="rlbff fake x",
        stage=True,
    ),
)

if __name__ == "__main__":
    from rlbff_cli.main import main

    sys.exit(main())
