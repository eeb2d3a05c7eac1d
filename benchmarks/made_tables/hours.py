"""Made tables of times and places: hours, seasons, and hundreds of cities that matter."""

import numpy as np

from made_tables.making import Layout, MadeTable, Maker, by_level, in_words, marked

__all__ = ["MAKERS"]


def _clock(make: Maker, start: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw hours of two years in any order: the time, the hour of the day, and the day of the year."""
    time = np.datetime64(start, "h") + make.rng.permutation(2 * 365 * 24)[: make.n]
    hour = time.astype(int) % 24
    return time, hour, (time.astype("datetime64[D]") - time.astype("datetime64[Y]")).astype(int)


def _decimal_comma(values: np.ndarray, form: str) -> list[str]:
    return [form.format(value).replace(".", ",") for value in values]


def air(seed: int) -> MadeTable:
    """Air quality: semicolons, decimal commas, two empty columns at the end, blank rows, and -200 for what is missing."""
    make = Maker("air", seed, layout=Layout(delimiter=";", line_end=";;", blank_rows=40))
    rng, n = make.rng, make.n
    time, hour, day = _clock(make, "2004-03-10")
    texts = [str(t) for t in time.astype("datetime64[D]")]
    make.column("Date", [f"{t[8:10]}/{t[5:7]}/{t[:4]}" for t in texts], day_of_year=day.astype(float))
    make.column("Time", [f"{h:02}.00.00" for h in hour], hour=hour.astype(float))
    rush = np.exp(-(((hour - 8) / 2.0) ** 2)) + 1.2 * np.exp(-(((hour - 19) / 2.5) ** 2))
    traffic = rush + 0.4 * rng.normal(size=n)
    for name, center, scale, weight, form in (
        ("CO(GT)", 2.1, 0.8, 0.5, "{:.1f}"),
        ("PT08.S1(CO)", 1100, 180, 0.5, "{:.0f}"),
        ("NOx(GT)", 240, 120, 0.4, "{:.0f}"),
        ("PT08.S3(NOx)", 830, -160, -0.4, "{:.0f}"),
        ("T", 18, 8, 0.3, "{:.1f}"),
        ("RH", 49, 15, -0.3, "{:.1f}"),
    ):
        values = center + scale * ((traffic if "(" in name else 0) + rng.normal(size=n))
        gone = make.chance(0.08)
        make.column(name, marked(_decimal_comma(values, form), gone, "-200"), **{name: np.where(gone, np.nan, values)})
        make.effect(weight, np.where(gone, center, values))
    make.effect(0.9, rush)
    make.effect(0.4, np.cos(day / 58))
    return make.amount("C6H6(GT)", lambda value: f"{value:.1f}".replace(".", ","), center=14, scale=3.5, share=0.9)


def bikes(seed: int) -> MadeTable:
    """Bicycles rented: the hour, the day of the week and the season stand in one ISO time."""
    make = Maker("bikes", seed)
    rng, n = make.rng, make.n
    time, hour, day = _clock(make, "2011-01-01")
    weekday = (time.astype("datetime64[D]").astype(int) + 3) % 7
    parts = {"hour": hour, "day_of_year": day, "weekday": weekday, "hours": (time - time.min()).astype(int)}
    texts = [f"{str(t)[:10]} {str(t)[11:13]}:00:00" for t in time]
    make.column("datetime", texts, **{name: part.astype(float) for name, part in parts.items()})
    work = np.exp(-(((hour - 8) / 1.5) ** 2)) + np.exp(-(((hour - 18) / 2.0) ** 2))
    leisure = np.exp(-(((hour - 14) / 4.0) ** 2))
    make.effect(1.2, np.where(weekday < 5, work, leisure))
    make.effect(0.5, (hour > 6) & (hour < 23))
    make.effect(0.4, parts["hours"])
    make.number("temp", (15 - 10 * np.cos(day / 58) + rng.normal(0, 3, n)).round(2), "{:.2f}", 0.6)
    make.number("humidity", rng.integers(20, 100, n), "{:d}", -0.3)
    make.number("weather", rng.choice([1, 2, 3, 4], n, p=[0.65, 0.25, 0.09, 0.01]), "{:d}", -0.3)
    return make.amount("count", "{:.0f}".format, center=260, scale=60, share=0.9)


def calls(seed: int) -> MadeTable:
    """Calls that are answered or not, by the hour of an ISO time with seconds and a zone, and the way it was written down."""
    make = Maker("calls", seed)
    rng, n = make.rng, make.n
    time, hour, day = _clock(make, "2023-01-01")
    second = rng.integers(0, 3600, n)
    texts = [f"{t}:{s // 60:02}:{s % 60:02}+00:00" for t, s in zip(time, second, strict=True)]
    weekday = (time.astype("datetime64[D]").astype(int) + 3) % 7
    make.column("called_at", texts, hour=hour + second / 3600, day_of_year=day.astype(float), weekday=weekday.astype(float))
    make.effect(1.2, np.cos((hour - 19) * np.pi / 12))
    make.effect(0.5, weekday >= 5)
    make.number("duration", rng.exponential(180, n).round(), "{:.0f}", 0.5)
    make.number("tries", rng.poisson(2, n), "{:d}", -0.5)
    make.category("channel", ("landline", "mobile", "app"), effect=0.4)
    make.column("note", marked(in_words(rng, n), make.chance(0.5), ""))
    return make.binary("answered", ("no", "yes"))


def cities(seed: int) -> MadeTable:
    """Rents in 400 cities, seven rows of each to learn from on average."""
    make = Maker("cities", seed, n_train=3000)
    rng, n = make.rng, make.n
    ends = ("ton", "ville", " Springs", "field", "burg", "mouth", " Park", "ford", "stead", "wick")
    names = np.array([f"{stem}{end}" for stem in _STEMS for end in ends])
    weight = rng.gamma(1.5, 1, len(names)) + 0.1
    city = rng.choice(names, n, p=weight / weight.sum())
    make.column("city", city, city=city)
    make.effect(1.1, by_level(rng, city))
    make.number("rooms", rng.integers(1, 7, n), "{:d}", 0.6)
    make.number("square_metres", rng.gamma(6, 13, n).round(1), "{:.1f}", 0.7)
    make.category("heating", ("gas", "oil", "district", "heat pump"), effect=0.3)
    make.number("floor", rng.integers(0, 12, n), "{:d}", 0.1)
    return make.amount("rent", "{:.2f}".format, center=950, scale=210, share=0.92)


_STEMS = (
    "Ash Bar Clay Dun East Fair Glen Hart Iron Kings Lake Mill North Oak Pine Queens Red Stone Thorn Union Vale West York Amber "
    "Brook Cedar Deer Elm Fox Gold Hazel Ivy Jack Kirk Lang Marl New Old Port Rock"
).split()

MAKERS = {"air": air, "bikes": bikes, "calls": calls, "cities": cities}
