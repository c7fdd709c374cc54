"""`python -m rlbff_cli`, for where the script `rlbff` is not on the path."""

import sys

from rlbff_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
