"""Made tables of prices and salaries: a number to be told from codes, ranges, currencies and units."""

import numpy as np

from made_tables.making import MadeTable, Maker, by_level, marked, written

__all__ = ["MAKERS"]

GRADES = ("Po", "Fa", "TA", "Gd", "Ex")


def houses(seed: int) -> MadeTable:
    """House prices where NA means that there is none, with numbers for kinds and many years."""
    make = Maker("houses", seed)
    rng, n = make.rng, make.n
    make.column("Id", range(1, n + 1))
    kind = rng.choice([20, 30, 40, 50, 60, 70, 80, 90, 120, 160, 190], n)
    make.column("MSSubClass", kind, kind=kind.astype(str))
    make.effect(0.3, by_level(rng, kind))
    make.category("MSZoning", ("RL", "RM", "FV", "RH", "C (all)"), (78, 15, 4, 2, 1), 0.2)
    front, unknown = rng.normal(70, 20, n).round().clip(20), make.chance(0.17)
    make.column("LotFrontage", marked(written(front, "{:.0f}"), unknown, "NA"), LotFrontage=np.where(unknown, np.nan, front))
    area = rng.lognormal(9.1, 0.4, n).round()
    make.number("LotArea", area, "{:.0f}")
    make.effect(0.3, np.log(area))
    quarters = [f"{a}{b}" for a in ("Col", "Nor", "Saw", "Edw", "Bro") for b in ("lCr", "thAm", "idge", "woo", "Gilb")]
    make.category("Neighborhood", quarters, effect=0.6)
    quality = make.number("OverallQual", rng.integers(1, 11, n), "{:d}", 0.8)
    built = make.number("YearBuilt", rng.integers(1880, 2010, n), "{:d}", 0.4)
    again = make.number("YearRemodAdd", np.maximum(built, rng.integers(1950, 2011, n)), "{:d}", 0.2)
    living = make.number("GrLivArea", rng.lognormal(7.25, 0.33, n).round(), "{:.0f}", 0.8)
    _add_parts_that_may_be_absent(make)
    pool = make.chance(0.006)
    make.column("PoolQC", marked(rng.choice(GRADES, n), ~pool, "NA"), pool=pool.astype(float))
    garage = np.maximum(built, again - rng.integers(0, 30, n))
    missing = np.array(make.messy["GarageFinish"]) == "NA"
    make.column("GarageYrBlt", marked(written(garage, "{:.1f}"), missing, "NA"), GarageYrBlt=np.where(missing, np.nan, garage))
    make.number("YrSold", rng.integers(2006, 2011, n), "{:d}")
    make.effect(0.3, quality * living)
    signal = (make.signal - make.signal.mean()) / make.signal.std()
    return make.known("SalePrice", np.exp(12 + 0.36 * signal + 0.12 * rng.normal(size=n)).round(-2), "{:.0f}".format)


def _add_parts_that_may_be_absent(make: Maker) -> None:
    """Add graded parts of a house, NA where there is no such part, which is worse than the worst grade."""
    parts = {
        "Alley": (("Grvl", "Pave"), 0.93, 0.1),
        "BsmtQual": (GRADES, 0.05, 0.4),
        "FireplaceQu": (GRADES, 0.47, 0.4),
        "GarageFinish": (("Unf", "RFn", "Fin"), 0.06, 0.4),
    }
    for name, (levels, none, weight) in parts.items():
        rank, gone = make.rng.integers(0, len(levels), make.n), make.chance(none)
        found = np.where(gone, "NA", np.array(levels)[rank])
        make.column(name, found, **{name: np.where(gone, "none", found)})
        make.effect(weight, np.where(gone, -len(levels), rank))


def stores(seed: int) -> MadeTable:
    """Weekly sales of 45 shops, days first in the dates; the shop says most."""
    make = Maker("stores", seed, n_train=2500, n_test=3935)
    rng, n = make.rng, make.n
    order = rng.permutation(45 * 143)
    store, week = order // 143, order % 143
    day = np.datetime64("2010-02-05") + week * np.timedelta64(7, "D")
    year = (day.astype("datetime64[D]") - day.astype("datetime64[Y]")).astype(int)
    peaks = ((352, 10.0, 1.0), (330, 6.0, 0.7), (20, 12.0, -0.3))
    season = sum(height * np.exp(-(((year - center) / width) ** 2)) for center, width, height in peaks)
    make.column("Store", store + 1, Store=store.astype(str))
    dates = [f"{str(d)[8:10]}-{str(d)[5:7]}-{str(d)[:4]}" for d in day]
    make.column("Date", dates, day_of_year=year.astype(float), week=week.astype(float))
    holiday = np.isin(week % 52, [0, 31, 41, 46])
    make.number("Holiday_Flag", holiday.astype(int), "{:d}")
    make.number("Temperature", (60 - 25 * np.cos(year / 58) + rng.normal(0, 8, n)).round(2), "{:.2f}")
    make.number("Fuel_Price", (2.8 + week / 200 + rng.normal(0, 0.2, n)).round(3), "{:.3f}")
    make.number("Unemployment", (8 + rng.normal(0, 1.5, n)).round(3), "{:.3f}")
    level = rng.permutation(np.linspace(-0.9, 0.9, 45))[store]
    sales = 950_000 * np.exp(level + 0.35 * season + 0.06 * holiday + 0.09 * rng.normal(size=n))
    return make.known("Weekly_Sales", sales.round(2), "{:.2f}".format)


def salaries(seed: int) -> MadeTable:
    """Salaries by years; in one row to be predicted the year is 0."""
    make = Maker("salaries", seed)
    rng, n = make.rng, make.n
    make.number("work_year", rng.integers(2019, 2025, n), "{:d}", 0.2)
    start = rng.integers(1985, 2024, n).astype(float)
    texts = written(start, "{:.0f}")
    texts[make.n_train + 7] = "0"
    make.effect(-0.9, start)
    start[make.n_train + 7] = np.nan
    make.column("first_job_year", texts, first_job_year=start)
    make.category("education", ("none", "bachelor", "master", "doctorate"), effect=0.4)
    jobs = ("Data Scientist", "Data Engineer", "Analyst", "ML Engineer", "Architect", "Manager", "Head of Data")
    make.category("job_title", jobs, effect=0.7)
    make.category("company_size", ("S", "M", "L"), effect=0.3)
    make.number("remote_ratio", rng.choice([0, 50, 100], n), "{:d}", 0.1)
    make.category("residence", ("US", "GB", "CA", "DE", "IN", "ES", "FR", "BR"), (50, 12, 8, 8, 8, 5, 5, 4), 0.6)
    return make.amount("salary_in_usd", "{:.0f}".format, center=120_000, scale=35_000, share=0.88)


def survey(seed: int) -> MadeTable:
    """A survey of salaries: bands from one number to another, dollars, euros, percents, years in words, and a target in dollars."""
    make = Maker("survey", seed)
    rng, n = make.rng, make.n
    times = [f"{1 + k // 720 % 12}/{1 + k // 24 % 28}/2021 {k % 24}:{k % 60:02}:{k % 60:02}" for k in range(n)]
    make.column("Timestamp", times)
    low = rng.integers(12, 60, n) * 50
    high = low + rng.integers(4, 25, n) * 50
    make.column("starting band", [f"{a} - {b}" for a, b in zip(low, high, strict=True)], band=(low + high) / 2)
    make.effect(1.0, low + high)
    bonus, none = rng.lognormal(7.5, 0.8, n).round(2), make.chance(0.04)
    make.column("last bonus", marked(written(bonus, "${:,.2f}"), none, ["none", "n.a."]), bonus=np.where(none, np.nan, bonus))
    make.effect(0.7, np.where(none, np.log(bonus).mean(), np.log(bonus)))
    rent = rng.integers(400, 2600, n)
    make.column("rent", written(rent, "€ {:d}"), rent=rent.astype(float))
    make.effect(0.6, rent)
    raised = rng.gamma(3, 3, n).round(1)
    make.column("raise in five years", written(raised, "{:.1f}%"), raised=raised)
    make.effect(0.6, raised)
    rank = rng.integers(0, 6, n)
    spans = ("less than 1 year", "1 - 3 years", "3 - 5 years", "5 - 10 years", "10 - 20 years", "more than 20 years")
    make.column("experience", np.array(spans)[rank], experience=rank.astype(float))
    make.effect(0.8, rank)
    make.category("country", ("United States", "Canada", "UK", "Germany", "Netherlands"), (60, 15, 12, 8, 5), 0.3)
    make.effect(0.3, raised * rank)
    signal = (make.signal - make.signal.mean()) / make.signal.std()
    pay = 1000 * (75 + 18 * (signal + 0.35 * rng.normal(size=n))).round().clip(15)
    return make.known("annual salary", pay, "${:,.0f}".format)


def cars(seed: int) -> MadeTable:
    """Used cars with units in the cells, some units without a number, and model names of which the first word matters."""
    make = Maker("cars", seed)
    rng, n = make.rng, make.n
    brand = rng.choice(_BRANDS, n, p=np.linspace(3, 1, 16) / 32)
    model = rng.choice(["Swift", "City", "Verna", "Alto", "Polo", "Nexon"], n)
    trim = rng.choice(["VDI", "LXi", "ZX MT", "1.2 Plus", "TDI"], n)
    make.column("name", [" ".join(words) for words in zip(brand, model, trim, strict=True)], brand=brand)
    make.effect(0.5, by_level(rng, brand))
    make.number("year", rng.integers(2002, 2021, n), "{:d}", 0.7)
    driven = make.number("km_driven", rng.lognormal(10.9, 0.6, n).round(), "{:.0f}")
    make.effect(-0.4, np.log(driven))
    fuel = make.category("fuel", ("Petrol", "Diesel", "CNG"), (48, 48, 4), 0.2)
    make.category("transmission", ("Manual", "Automatic"), (85, 15), 0.4)
    make.category("owner", ("First Owner", "Second Owner", "Third Owner", "Fourth & Above Owner"), (65, 25, 7, 3), 0.2)
    mileage, unit = rng.normal(19.5, 4, n).round(1).clip(8), np.where(fuel == "CNG", "km/kg", "kmpl")
    make.column("mileage", [f"{a} {b}" for a, b in zip(mileage, unit, strict=True)], mileage=mileage)
    make.effect(-0.3, mileage)
    engine, gone = rng.integers(620, 3600, n), make.chance(0.03)
    make.column("engine", marked(written(engine, "{:,d} CC"), gone, ""), engine=np.where(gone, np.nan, engine))
    make.effect(0.6, np.where(gone, engine.mean(), engine))
    power = (engine / 16 * rng.lognormal(0, 0.25, n)).round(1)
    make.column("max_power", marked(written(power, "{:.1f} bhp"), gone, " bhp"), max_power=np.where(gone, np.nan, power))
    make.effect(0.9, np.where(gone, power.mean(), power))
    seats = rng.choice([4, 5, 7, 8], n, p=[0.05, 0.75, 0.15, 0.05])
    make.column("seats", marked(written(seats, "{:.1f}"), gone, ""), seats=np.where(gone, np.nan, seats))
    return make.amount("selling_price", "{:.0f}".format, center=650_000, scale=150_000, share=0.9)


_BRANDS = ("Maruti Hyundai Honda Tata Mahindra Ford Toyota Renault Skoda Volkswagen Chevrolet Nissan BMW Audi Kia Jeep").split()

MAKERS = {"houses": houses, "stores": stores, "salaries": salaries, "survey": survey, "cars": cars}
