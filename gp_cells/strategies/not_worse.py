"""Whether some losses are worse than others by less than a margin: a test of non-inferiority.

That nothing was found to be worse shows little where few were trained: with three seeds nearly everything
would pass. So the hypothesis to be refuted is that it is worse, by the margin or more; what cannot be told
from that is not passed (Piaggio et al. 2012, https://doi.org/10.1001/jama.2012.87802). The distribution is
that of Welch 1947, https://doi.org/10.1093/biomet/34.1-2.28, for unequal variances.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

ALPHA = 0.05


def p_of_worse(losses: Sequence[float], given: Sequence[float], margin: float) -> float:
    """Return the p of `losses` being worse: the hypothesis of a mean above that of `given` by the margin.

    Both have two values or more. It is 1 where one of them is infinite.
    """
    from scipy.special import stdtr  # here: every trial's process imports the strategies

    if not all(map(math.isfinite, (*losses, *given))):
        return 1.0
    beyond = statistics.fmean(losses) - statistics.fmean(given) - margin
    parts = [statistics.variance(of) / len(of) for of in (losses, given)]
    error = math.sqrt(math.fsum(parts))
    if not error:
        return 0.0 if beyond < 0 else 1.0
    shares = zip(parts, (losses, given), strict=True)
    freedom = math.fsum(parts) ** 2 / math.fsum(p**2 / (len(of) - 1) for p, of in shares)
    return float(stdtr(freedom, beyond / error))
