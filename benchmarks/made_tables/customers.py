"""Made tables of persons and contracts: a yes or no to be told from numbers that are written as texts."""

import numpy as np

from made_tables.making import MadeTable, Maker, by_level, marked, written

__all__ = ["MAKERS"]

YES_NO = ("No", "Yes")


def _identifier(make: Maker, letters: int) -> list[str]:
    alphabet = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    words = ["".join(row) for row in make.rng.choice(alphabet, (make.n, letters))]
    return [f"{number:04}-{word}" for number, word in zip(make.rng.integers(0, 10000, make.n), words, strict=True)]


def telco(seed: int) -> MadeTable:
    """Churn of a telephone company: an identifier, answers in words, and a sum that is blank for new customers."""
    make = Maker("telco", seed)
    rng, n = make.rng, make.n
    make.column("customerID", _identifier(make, 5))
    make.category("gender", ("Female", "Male"))
    make.number("SeniorCitizen", rng.integers(0, 2, n), "{:d}", 0.2)
    make.category("Partner", YES_NO, effect=0.2)
    tenure = make.number("tenure", np.where(make.chance(0.06), 0, rng.integers(1, 73, n)), "{:d}", -0.6)
    internet = make.category("InternetService", ("DSL", "Fiber optic", "No"), (4, 5, 2), 0.5)
    security = np.where(internet == "No", "No internet service", rng.choice(["Yes", "No"], n))
    make.column("OnlineSecurity", security, OnlineSecurity=security)
    make.effect(-0.4, security == "Yes")
    make.category("Contract", ("Month-to-month", "One year", "Two year"), (5, 2, 3), 0.7)
    ways = ("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)")
    make.category("PaymentMethod", ways, effect=0.3)
    monthly = make.number("MonthlyCharges", rng.uniform(18, 120, n).round(2), "{:.2f}", 0.3)
    total = (tenure * monthly * rng.lognormal(0, 0.5, n)).round(2)
    texts = marked(written(total, "{:.2f}"), tenure == 0, " ")
    make.column("TotalCharges", texts, TotalCharges=np.where(tenure == 0, np.nan, total))
    make.effect(-0.9, np.log1p(total))
    return make.binary("Churn", YES_NO)


def titanic(seed: int) -> MadeTable:
    """Passengers with names, tickets and cabins, most of which are not known."""
    make = Maker("titanic", seed)
    rng, n = make.rng, make.n
    make.column("PassengerId", rng.permutation(n) + 1)
    place = make.number("Pclass", rng.choice([1, 2, 3], n, p=[0.25, 0.2, 0.55]), "{:d}", -0.7)
    woman, age = make.chance(0.36), np.maximum(0.5, rng.normal(30, 14, n)).round(1)
    family, first = rng.choice(["Braund", "Cumings", "Heikkinen", "Allen", "Moran", "Sandstrom"], n), _identifier(make, 6)
    title = np.where(woman, np.where(age < 25, "Miss.", "Mrs."), np.where(age < 14, "Master.", "Mr."))
    make.column("Name", [f"{a}{b[5:].title()}, {c} {b[5:9].title()}" for a, b, c in zip(family, first, title, strict=True)])
    sex = np.where(woman, "female", "male")
    make.column("Sex", sex, Sex=sex)
    make.effect(1.2, woman)
    unknown = make.chance(0.2)
    make.column("Age", marked(written(age, "{:g}"), unknown, ""), Age=np.where(unknown, np.nan, age))
    make.effect(0.5, (age < 14) & ~unknown)
    make.number("SibSp", rng.poisson(0.5, n), "{:d}", -0.2)
    prefix = rng.choice(["", "A/5 ", "PC ", "STON/O2. "], n, p=[0.7, 0.1, 0.1, 0.1])
    make.column("Ticket", [f"{a}{b}" for a, b in zip(prefix, rng.integers(1000, 400000, n), strict=True)])
    make.number("Fare", (rng.lognormal(3.2, 0.5, n) * (4 - place)).round(4), "{:g}", 0.3)
    deck, has_cabin = rng.choice(list("ABCDEF"), n), rng.random(n) < np.where(place == 1, 0.7, 0.1)
    cabins = [f"{a}{b}" for a, b in zip(deck, rng.integers(1, 140, n), strict=True)]
    make.column("Cabin", marked(cabins, ~has_cabin, ""), deck=np.where(has_cabin, deck, "none"))
    make.effect(0.7, has_cabin)
    make.category("Embarked", ("S", "C", "Q", ""), (70, 20, 9, 1), 0.2)
    return make.binary("Survived", ("0", "1"))


def kidney(seed: int) -> MadeTable:
    """Patients, with tabs and blanks around numbers, answers and classes, and question marks for what is missing."""
    make = Maker("kidney", seed, n_train=1500)
    rng, n = make.rng, make.n

    def measure(name: str, values: np.ndarray, form: str, effect: float, *, stray: float = 0.0, missing: float = 0.1) -> None:
        gone, odd = make.chance(missing), make.chance(stray)
        texts = marked(written(values, form), gone, ["?", "\t?"] if stray else "?")
        texts = [f"\t{text}" if is_odd else text for text, is_odd in zip(texts, odd, strict=True)]
        make.column(name, texts, **{name: np.where(gone, np.nan, values)})
        make.effect(effect, np.where(gone, values.mean(), values))

    def answer(name: str, odd: list[str], effect: float) -> None:
        yes = make.chance(0.4)
        texts = marked(np.where(yes, "yes", "no"), make.chance(0.12) & yes, odd)
        texts = marked(texts, make.chance(0.08) & ~yes, "\tno")
        make.column(name, texts, **{name: np.where(yes, "yes", "no")})
        make.effect(effect, yes)

    measure("age", rng.integers(5, 90, n), "{:d}", 0.3)
    measure("bp", rng.choice([60, 70, 80, 90, 100], n), "{:d}", 0.3)
    measure("sg", rng.choice([1.005, 1.01, 1.015, 1.02, 1.025], n), "{:.3f}", -0.5)
    measure("al", rng.integers(0, 6, n), "{:d}", 0.5)
    measure("sc", rng.lognormal(0.4, 0.6, n).round(1), "{:.1f}", 0.5)
    measure("hemo", rng.normal(12.5, 2.9, n).round(1), "{:.1f}", -0.5)
    measure("pcv", rng.integers(20, 55, n), "{:d}", -0.8, stray=0.05)
    measure("wc", rng.integers(40, 180, n) * 100, "{:d}", 0.5, stray=0.05, missing=0.2)
    measure("rc", rng.normal(4.7, 1, n).round(1), "{:.1f}", -0.5, stray=0.05, missing=0.2)
    answer("htn", ["yes "], 0.5)
    answer("dm", [" yes", "\tyes"], 0.8)
    answer("cad", ["yes\t"], 0.4)
    make.category("appet", ("good", "poor", "?"), (75, 20, 5), 0.4)
    made = make.binary("classification", ("notckd", "ckd"), base=0.5)
    made.messy["classification"] = marked(made.messy["classification"], make.chance(0.04) & (made.truth == 1), "ckd\t")
    return made


def hotel(seed: int) -> MadeTable:
    """Bookings with months in words, 180 countries, 200 agents, NULL for none, and levels that end in blanks."""
    make = Maker("hotel", seed, n_train=3000)
    rng, n = make.rng, make.n
    make.category("hotel", ("Resort Hotel", "City Hotel"), effect=0.2)
    make.number("lead_time", rng.exponential(100, n).round(), "{:.0f}", 0.7)
    month = rng.integers(0, 12, n)
    names = np.array("January February March April May June July August September October November December".split())
    make.number("arrival_date_year", rng.integers(2015, 2018, n), "{:d}")
    make.column("arrival_date_month", names[month], arrival_month=month + 1.0)
    make.effect(0.4, np.sin((month - 3) * np.pi / 6))
    make.number("adults", rng.integers(1, 4, n), "{:d}", 0.1)
    meal = make.category("meal", ("BB", "HB", "SC", "FB"), (70, 15, 10, 5), 0.2)
    make.messy["meal"] = [f"{text:<9}" if odd else text for text, odd in zip(meal, make.chance(0.5), strict=True)]
    codes = np.array([f"{a}{b}{c}" for a in "ABCEFG" for b in "RSTUV" for c in "ANLEMX"])
    weight = 1 / np.arange(1, len(codes) + 1)
    country = rng.choice(codes, n, p=weight / weight.sum())
    make.column("country", marked(country, make.chance(0.01), "NULL"), country=country)
    make.effect(0.8, by_level(rng, country))
    agent = rng.geometric(0.02, n) % 200
    none = make.chance(0.15)
    make.column("agent", marked(written(agent, "{:.1f}"), none, "NULL"), agent=np.where(none, "none", agent.astype(str)))
    make.effect(0.7, np.where(none, 0, by_level(rng, agent)))
    make.column("company", marked(rng.integers(6, 500, n), ~make.chance(0.05), "NULL"))
    deposit = make.category("deposit_type", ("No Deposit", "Non Refund", "Refundable"), (85, 13, 2), 0.6)
    make.messy["deposit_type"] = [f"{text:<16}" for text in deposit]
    make.number("adr", rng.lognormal(4.5, 0.4, n).round(2), "{:.2f}", 0.4)
    make.number("total_of_special_requests", rng.poisson(0.6, n), "{:d}", -0.5)
    return make.binary("is_canceled", ("0", "1"))


def loans(seed: int) -> MadeTable:
    """Loans with percents, months and years in words, dates as Dec-2015, and job titles of all kinds."""
    make = Maker("loans", seed, n_train=3000)
    rng, n = make.rng, make.n
    make.column("id", rng.permutation(n) + 1077501)
    make.number("loan_amnt", rng.integers(10, 350, n) * 100, "{:d}", 0.3)
    term = np.where(make.chance(0.3), 60, 36)
    make.column("term", written(term, " {:d} months"), term=term.astype(float))
    make.effect(0.5, term)
    rate, used = rng.uniform(5, 28, n).round(2), rng.uniform(0, 100, n).round(1)
    make.column("int_rate", written(rate, "{:.2f}%"), int_rate=rate)
    make.effect(0.9, rate)
    make.column("emp_title", [f"{a} {b}" for a, b in zip(rng.choice(_JOBS, n), rng.integers(1, 999, n), strict=True)])
    years, unknown = rng.integers(0, 11, n), make.chance(0.05)
    words = np.array(["< 1 year", "1 year", *(f"{k} years" for k in range(2, 10)), "10+ years"])
    make.column("emp_length", marked(words[years], unknown, "n/a"), emp_length=np.where(unknown, np.nan, years))
    make.effect(-0.6, np.where(unknown, 5, years))
    make.category("home_ownership", ("MORTGAGE", "RENT", "OWN"), effect=0.3)
    make.number("annual_inc", rng.lognormal(11, 0.5, n).round(), "{:.1f}", -0.3)
    _add_months(make)
    make.category(
        "purpose", ("debt_consolidation", "credit_card", "car", "medical", "house", "small_business", "other"), effect=0.3
    )
    states = [f"{a}{b}" for a in "ACFIKMNOPT" for b in "ADLTX"]
    make.category("addr_state", states, effect=0.3)
    make.column("zip_code", [f"{k:03}xx" for k in rng.integers(0, 900, n)])
    make.number("dti", rng.gamma(4, 4.5, n).round(2), "{:.2f}", 0.3)
    make.column("revol_util", written(used, "{:.1f}%"), revol_util=used)
    make.effect(0.6, used)
    return make.binary("loan_status", ("Fully Paid", "Charged Off"))


def _add_months(make: Maker) -> None:
    """Add the months in which the loan was given, without an effect, and the first one of the person, with one."""
    since, issued = make.rng.integers(12, 360, make.n), make.rng.integers(0, 60, make.n)
    make.column("issue_d", [_month(2011 * 12 + k) for k in issued], issued=issued.astype(float))
    make.column("earliest_cr_line", [_month(2011 * 12 - k) for k in since], first_line=since.astype(float))
    make.effect(-0.7, since)


_JOBS = ["Teacher", "Manager", "Registered nurse", "Driver", "Owner", "Sales rep", "US Army", "Analyst", "Cook", "Engineer"]


def _month(months: int) -> str:
    """Return a month counted from year 0 as Dec-2015."""
    return f"{'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()[months % 12]}-{months // 12}"


MAKERS = {"telco": telco, "titanic": titanic, "kidney": kidney, "hotel": hotel, "loans": loans}
