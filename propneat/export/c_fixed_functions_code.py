"""The C of the integer activations; each line computes what `apply_fixed` does."""

from collections.abc import Iterable

from propneat.export.c_fixed_functions import COMPUTED, CURVE, FIXED, WAVE, table_values
from propneat.export.c_names import wrap
from propneat.genome import check_functions

__all__ = ["call_of", "function_code"]

_WITHIN = """static int16_t within(int32_t z) {
    return (int16_t)(z > 32767 ? 32767 : z < -32767 ? -32767 : z);
}"""

_LOOKUP = """/* The value of a table at a, 0 to 32767, by lines between its 65 values. */
static int16_t lookup(const int16_t *table, uint16_t a) {
    const int16_t *place = table + (a >> 9);
    const int16_t low = WORD(place[0]), step = (int16_t)(WORD(place[1]) - low);
    return (int16_t)(low + (int16_t)(((int32_t)step * (uint16_t)((a & 511u) << 7)) >> 16));
}"""

_SIZE_OF = "static uint16_t size_of(int16_t z) { return (uint16_t)(z < 0 ? -z : z); }"

_LOOKUP_MORE = """static int16_t rest_of(const int16_t *table, int16_t z, uint8_t more) {
    const uint32_t a = (uint32_t)size_of(z) << more;
    return lookup(table, (uint16_t)(a > 32767u ? 32767u : a));
}"""

_HIGH_OF = "static uint16_t high_of(uint16_t a, uint16_t b) { return (uint16_t)((uint32_t)a * b >> 16); }"

_CODE = {
    "identity": "",
    "sigmoid": """static int16_t sigmoid(int16_t z) {
    const int16_t h = low_sigmoid(size_of(z));
    return (int16_t)(z < 0 ? h : 32767 - h);
}""",
    "steep_sigmoid": "",
    "tanh": """static int16_t hyperbolic(int16_t z) {
    const int16_t h = low_sigmoid(size_of(z)), size = (int16_t)(h > 16383 ? 0 : 32767 - 2 * h);
    return (int16_t)(z < 0 ? -size : size);
}""",
    "relu": "static int16_t relu(int16_t z) { return (int16_t)(z < 0 ? 0 : z); }",
    "leaky_relu": "static int16_t leaky_relu(int16_t z) { return (int16_t)(z > 0 ? z : ((int32_t)z * 5243) >> 19); }",
    "elu": """static int16_t elu(int16_t z, uint8_t more) {
    return (int16_t)(z > 0 ? z : ((int32_t)rest_of(TABLE_EXP, z, more) - 32768) >> (3 + more));
}""",
    "gelu": """static int16_t gelu(int16_t z, uint8_t more) {
    return within((int32_t)(z < 0 ? 0 : z) - (rest_of(TABLE_GELU, z, more) >> (2 + more)));
}""",
    "silu": """static int16_t silu(int16_t z, uint8_t more) {
    return within((int32_t)(z < 0 ? 0 : z) - (rest_of(TABLE_SILU, z, more) >> (3 + more)));
}""",
    "softplus": """static int16_t softplus(int16_t z, uint8_t more) {
    return within((int32_t)(z < 0 ? 0 : z) + (rest_of(TABLE_SOFTPLUS, z, more) >> (3 + more)));
}""",
    "sin": f"""/* sin(pi / 2 * u) = u (a - u^2 (b - u^2 c)) in each quarter; 65536 units are a turn. */
static int16_t sine(uint16_t turn) {{
    const uint16_t half = turn & 0x7FFFu, u = (uint16_t)((half > 0x3FFFu ? 0x7FFFu - half : half) << 2), s = high_of(u, u);
    const uint16_t size = high_of(u, (uint16_t)({WAVE[0]}u - high_of(s, (uint16_t)({WAVE[1]}u - high_of(s, {WAVE[2]}u)))));
    const int16_t kept = (int16_t)(size > 32767u ? 32767 : (int16_t)size);
    return (int16_t)(turn & 0x8000u ? -kept : kept);
}}""",
    "gauss": "static int16_t gauss(int16_t z) { return lookup(TABLE_GAUSS, size_of(z)); }",
    "abs": "static int16_t absolute(int16_t z) { return (int16_t)(z < 0 ? -z : z); }",
    "square": """static int16_t square(int16_t z, uint8_t more) {
    return within(((int32_t)z * z) >> more);
}""",
}

_POWER = f"""/* 2^-(r / 65536) in units of 1/65536: 1 - r (a - r (b - r c)) */
static uint16_t power_of_half(uint16_t r) {{
    return (uint16_t)(65535u - high_of(r, (uint16_t)({CURVE[0]}u - high_of(r, (uint16_t)({CURVE[1]}u - high_of(r, {CURVE[2]}u))))));
}}"""

_LOGISTIC = """/* 1 / (1 + 2^d), 30 bits after the point; d has 16, in whole and r. */
static int32_t logistic(uint16_t whole, uint16_t r) {
    const uint16_t m = power_of_half(r);
    const uint8_t n = (uint8_t)(whole > 31u ? 31u : whole);
    const uint16_t share = (uint16_t)(0x7FFFFFFFu / (uint16_t)(0x8000u + ((unsigned)m >> n >> 1)));
    return (int32_t)((uint32_t)m * share >> (n > 29 ? 31 : n + 2));
}"""

_LOW_COMPUTED = """static int16_t low_sigmoid(uint16_t a) {
    return (int16_t)(logistic((uint16_t)(a >> 11), (uint16_t)((a & 2047u) << 5)) >> 15);
}"""

_LOW_BY_TABLE = "static int16_t low_sigmoid(uint16_t a) { return lookup(TABLE_SIGMOID, a); }"

_CALLS = {"steep_sigmoid": "sigmoid", "tanh": "hyperbolic", "sin": "sine", "abs": "absolute"}

check_functions(__name__, activations=_CODE)


def call_of(name: str) -> str:
    """Return the expression of an activation at z, which is saturated; the sine's is the whole sum, which may wrap."""
    if name == "identity":
        return "z"
    if name == "sin":
        return "sine((uint16_t)((uint32_t)all & 0xFFFFu))"
    more = ", more" if FIXED[name].shape in ("curved", "square") else ""
    return f"{_CALLS.get(name, name)}(z{more})"


def function_code(names: Iterable[str], is_computed: bool, answer: str) -> list[str]:
    """Return the helpers and tables that these activations need, in order, and those of an answer of this C text."""
    wanted = {"sigmoid" if name == "steep_sigmoid" else name for name in names}
    by_table = wanted - set(COMPUTED) if is_computed else wanted
    tables = sorted({FIXED[name].table for name in by_table if FIXED[name].table})
    code = [
        f"static const int16_t TABLE_{name.upper()}[65] FLASH = {{\n{wrap(map(str, table_values(name).tolist()))}\n}};"
        for name in tables
    ]
    own = [_CODE[name] for name in _CODE if name in wanted and _CODE[name]]
    sigmoids = "sigmoid" in wanted or "tanh" in wanted
    low = [] if not sigmoids else [_LOW_COMPUTED if is_computed else _LOW_BY_TABLE]
    after = "\n".join([*low, *own, answer])
    power = [
        text for name, text in (("power_of_half(", _POWER), ("logistic(", _LOGISTIC)) if name in after or "logistic(" in after
    ]
    joined = "\n".join([*power, after])
    helpers = [_HIGH_OF] if "high_of(" in joined else []
    helpers += [_LOOKUP] if tables else []
    helpers += [_SIZE_OF] if "size_of(" in joined or "rest_of(" in joined else []
    helpers += [_LOOKUP_MORE] if "rest_of(" in joined else []
    return [*code, *helpers, *power, *low, *own]


def within_code() -> str:
    """Return the helper that saturates."""
    return _WITHIN
