"""Where a token's ratio lies: the codes of the loss's regions, as the loss sets them and figures count them.

Numbers only: whoever reads stored figures needs no torch.
"""

from typing import Final

INSIDE: Final = 0
"""Within the clip range, or without advantage."""
NA_LP: Final = 1
"""r < 1 - eps_low and A < 0: PPO has no gradient here, CE-GPPO beta1 (1 - eps_low)."""
PA_LP: Final = 2
"""r > 1 + eps_high and A > 0: PPO has no gradient here, CE-GPPO beta2 (1 + eps_high)."""
PESSIMISTIC_LOW: Final = 3
"""r < 1 - eps_low and A > 0: PPO's gradient is whole."""
PESSIMISTIC_HIGH: Final = 4
"""r > 1 + eps_high and A < 0, up to the dual clip: PPO's gradient is whole."""
DUAL: Final = 5
"""r > dual_clip and A < 0: no gradient."""
REGIONS: Final = ("inside", "na_lp", "pa_lp", "pessimistic_low", "pessimistic_high", "dual")
"""Name of each code of `TokenLoss.region`."""

LARGEST_LOG_RATIO: Final = 20.0
"""Log-ratios are cut to this size: exp of it is 4.9e8, and squares of that are still finite in f32."""
