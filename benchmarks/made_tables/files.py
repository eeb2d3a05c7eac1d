"""Made tables whose files are odd: indices, row numbers, codes, stray cells, sentences, other encodings."""

import numpy as np

from made_tables.making import Layout, MadeTable, Maker, by_level, in_words, marked, written

__all__ = ["MAKERS"]


def _plain(make: Maker) -> None:
    """Add columns of the ordinary kind: numbers, one of them bent, and levels."""
    rng, n = make.rng, make.n
    make.number("age", rng.integers(18, 90, n), "{:d}", 0.5)
    income = make.number("income", rng.lognormal(10, 0.6, n).round(2), "{:.2f}")
    make.effect(0.6, np.log(income))
    bent = make.number("pressure", rng.normal(120, 15, n).round(1), "{:.1f}")
    make.effect(0.6, np.abs(bent - 120))
    make.category("region", ("north", "south", "east", "west"), effect=0.5)
    make.category("smoker", ("no", "yes"), (7, 3), 0.6)


def codes(seed: int) -> MadeTable:
    """Codes that look like numbers and are none: 01 is not 1, and 1E1 is not 10."""
    make = Maker("codes", seed)
    rng, n = make.rng, make.n
    make.category(
        "diagnosis", [*(f"{k:02}" for k in range(1, 20)), *(str(k) for k in range(1, 10)), "1A", "3B", "9Z"], effect=1.0
    )
    procedures = ("1E1", "10", "2E0", "2", "1E0", "1", "3E2", "300", "X9", "0x1")
    make.category("procedure", procedures, effect=0.9)
    make.category("icd", ("250", "250.0", "250.00", "401", "401.9", "V58", "E11.9", "E11.90", "414", "414.0"), effect=0.8)
    make.category("insured", ("TRUE", "FALSE", "unknown"), effect=0.5)
    make.category("ward", [f"{k:03}" for k in range(1, 13)], effect=0.5)
    make.number("age", rng.integers(0, 95, n), "{:d}", 0.5)
    make.number("stay", rng.geometric(0.2, n), "{:d}", 0.4)
    return make.binary("readmitted", ("NO", "YES"))


def index(seed: int) -> MadeTable:
    """The first part of a table divided at random and written with its row numbers, which have no name."""
    make = Maker("index", seed)
    make.column("", make.rng.permutation(make.n))
    _plain(make)
    return make.binary("outcome", ("0", "1"))


def counted(seed: int) -> MadeTable:
    """Three columns that count rows, and rows to learn from that are sorted by class, so that the count seems to tell it."""
    make = Maker("counted", seed)
    _plain(make)
    made = make.binary("target", ("bad", "good"))
    order = np.r_[np.argsort(made.truth[: make.n_train], kind="stable"), np.arange(make.n_train, make.n)]
    numbers = np.arange(1, make.n + 1)
    messy = {"row": written(numbers, "{:d}"), "customer": written(100_000 + 3 * numbers, "{:d}")}
    messy |= {"invoice": written(numbers, "INV-{:06d}")}
    messy |= {name: [texts[k] for k in order] for name, texts in made.messy.items()}
    clean, truth = made.clean.iloc[order].reset_index(drop=True), made.truth[order]
    return MadeTable(made.name, made.task, made.target, made.positive, messy, clean, truth, made.n_train, made.layout)


def stray(seed: int) -> MadeTable:
    """Numbers with a few cells that are none, and thousands marked by commas."""
    make = Maker("stray", seed)
    rng, n = make.rng, make.n
    odd = (["n.a."], ["-"], ["see remark", "<5", "unknown"], ["#DIV/0!", "#N/A"], ["."])
    for number, marks in enumerate(odd):
        values, gone = rng.normal(50, 12, n).round(2), make.chance(0.01)
        name = f"lab_{number + 1}"
        make.column(name, marked(written(values, "{:.2f}"), gone, marks), **{name: np.where(gone, np.nan, values)})
        make.effect(0.6 * (-1) ** number, np.where(gone, 50, values))
    cost = rng.lognormal(8, 1, n).round()
    make.column("cost", written(cost, "{:,.0f}"), cost=cost)
    make.effect(0.9, np.log(cost))
    make.category("group", ("a", "b", "c"), effect=0.5)
    return make.binary("event", ("no", "yes"))


def sentences(seed: int) -> MadeTable:
    """Reviews whose sentences carry nothing beside stars and numbers that do."""
    make = Maker("sentences", seed, n_train=1500)
    make.column("review", in_words(make.rng, make.n))
    _plain(make)
    make.column("answer", marked(in_words(make.rng, make.n), make.chance(0.4), ""))
    make.column("reviewer", [f"user{k}" for k in make.rng.integers(0, 10**6, make.n)])
    return make.binary("recommended", ("no", "yes"))


def german(seed: int) -> MadeTable:
    """A spreadsheet from Germany: a line that names the delimiter, Latin-1, 1.234,5 for numbers, whole numbers at the top."""
    make = Maker("german", seed, layout=Layout(delimiter=";", encoding="latin-1", first_line="sep=;"))
    rng, n = make.rng, make.n
    whole = np.arange(n) < 80
    area = np.where(whole, rng.gamma(6, 13, n).round(), rng.gamma(6, 13, n).round(1))
    make.column("Fläche", [f"{value:g}".replace(".", ",") for value in area], area=area)
    make.effect(0.9, area)
    sales = np.where(whole, rng.integers(100, 999, n), rng.lognormal(7.5, 0.8, n).round(2))
    make.column("Umsatz", [_german(value) for value in sales], sales=sales)
    make.effect(0.9, np.log(sales))
    thousands = rng.integers(200, 9000, n)
    make.column("Einwohner", [_german(value) for value in thousands], people=thousands.astype(float))
    make.effect(0.7, thousands)
    place = rng.choice(["Köln", "München", "Düsseldorf", "Nürnberg", "Görlitz", "Kiel", "Mainz"], n)
    make.column("Ort", place, place=place)
    make.effect(0.6, by_level(rng, place))
    day = rng.integers(0, 900, n)
    dates = [str(np.datetime64("2021-01-01") + int(k)) for k in day]
    make.column("Datum", [f"{t[8:10]}.{t[5:7]}.{t[:4]}" for t in dates], day=day.astype(float))
    make.effect(0.7, day)
    return make.amount("Miete", _german, center=1400, scale=180, share=0.9)


def _german(value: float) -> str:
    """Return a number with points between thousands and a comma before decimals, if it has any."""
    text = f"{value:,.2f}" if value % 1 else f"{value:,.0f}"
    return text.translate(str.maketrans(",.", ".,"))


MAKERS = {"codes": codes, "index": index, "counted": counted, "stray": stray, "sentences": sentences, "german": german}
