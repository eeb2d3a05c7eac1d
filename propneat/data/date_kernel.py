"""Parts of many dates, compiled."""

import numpy as np

from propneat.base.native import outer

__all__ = ["write_parts"]

_DAYS, _MONTH, _DAY, _WEEKDAY, _HOUR = range(5)
_DAYS_OF_400_YEARS = 146_097
_FROM_MARCH_OF_YEAR_0 = 719_468


@outer
def write_parts(seconds, part, out):
    """Write a part of moments in seconds since 1970 (n_rows,), NaN where missing, to `out`, float64 (n_rows,).

    `part` is its number among `propneat.data.dates.DATE_PARTS`.

    Months and days of months are told by counting days from a first of March (Hinnant, chrono-compatible low-level date
    algorithms, 2013, `civil_from_days`).
    """
    for row in range(len(seconds)):
        moment = seconds[row]
        days = np.floor(moment / 86400)
        if moment != moment:
            out[row] = np.nan
        elif part == _DAYS:
            out[row] = moment / 86400
        elif part == _WEEKDAY:
            out[row] = (days + 3) % 7
        elif part == _HOUR:
            out[row] = np.floor(moment / 3600) % 24
        else:
            of_cycle = (np.int64(days) + _FROM_MARCH_OF_YEAR_0) % _DAYS_OF_400_YEARS
            year = (of_cycle - of_cycle // 1460 + of_cycle // 36524 - of_cycle // 146_096) // 365
            of_year = of_cycle - (365 * year + year // 4 - year // 100)
            month = (5 * of_year + 2) // 153
            out[row] = of_year - (153 * month + 2) // 5 + 1 if part == _DAY else (month + 2) % 12 + 1
