"""The C of the integer activations; each line computes what `apply_fixed` does."""

from collections.abc import Iterable

from propneat.export.c_fixed_functions import FIXED, table_values
from propneat.export.c_names import wrap
from propneat.genome import check_functions

__all__ = ["call_of", "function_code"]

_WITHIN = """static int16_t within(int32_t z) {
    return (int16_t)(z > 32767 ? 32767 : z < -32767 ? -32767 : z);
}"""

_LOOKUP = """/* The value of a table at a, 0 to 32767, by lines between its 65 values. */
static int16_t lookup(const int16_t *table, uint16_t a) {
    const uint8_t place = (uint8_t)(a >> 9);
    const int16_t low = WORD(table[place]);
    return (int16_t)(low + ((((int32_t)WORD(table[place + 1]) - low) * (int32_t)(a & 511u)) >> 9));
}"""

_SIZE_OF = """static uint16_t size_of(int32_t z) {
    if (z < 0) z = -z;
    return (uint16_t)(z > 32767 ? 32767 : z);
}"""

_LOOKUP_MORE = """static int16_t rest_of(const int16_t *table, int32_t z, uint8_t more) {
    const uint32_t a = (uint32_t)size_of(z) << more;
    return lookup(table, (uint16_t)(a > 32767u ? 32767u : a));
}"""

_CODE = {
    "identity": "",
    "sigmoid": """static int16_t sigmoid(int32_t z) {
    const int16_t h = lookup(TABLE_SIGMOID, size_of(z));
    return (int16_t)(z < 0 ? h : 32767 - h);
}""",
    "steep_sigmoid": "",
    "tanh": """static int16_t hyperbolic(int32_t z) {
    const int32_t size = 32767 - 2 * (int32_t)lookup(TABLE_SIGMOID, size_of(z));
    return (int16_t)(size < 0 ? 0 : z < 0 ? -size : size);
}""",
    "relu": "static int16_t relu(int32_t z) { return within(z < 0 ? 0 : z); }",
    "leaky_relu": """static int16_t leaky_relu(int32_t z) {
    const int32_t kept = within(z);
    return (int16_t)(kept > 0 ? kept : (kept * 5243) >> 19);
}""",
    "elu": """static int16_t elu(int32_t z, uint8_t more) {
    return (int16_t)(z > 0 ? within(z) : ((int32_t)rest_of(TABLE_EXP, z, more) - 32768) >> (3 + more));
}""",
    "gelu": """static int16_t gelu(int32_t z, uint8_t more) {
    return within((z < 0 ? 0 : z) - (rest_of(TABLE_GELU, z, more) >> (2 + more)));
}""",
    "silu": """static int16_t silu(int32_t z, uint8_t more) {
    return within((z < 0 ? 0 : z) - (rest_of(TABLE_SILU, z, more) >> (3 + more)));
}""",
    "softplus": """static int16_t softplus(int32_t z, uint8_t more) {
    return within((z < 0 ? 0 : z) + (rest_of(TABLE_SOFTPLUS, z, more) >> (3 + more)));
}""",
    "sin": """static int16_t sine(int32_t z) { /* 65536 units are a turn */
    const uint16_t turn = (uint16_t)((uint32_t)z & 0xFFFFu), half = (uint16_t)(turn & 0x7FFFu);
    const uint32_t a = (half > 0x4000u ? 0x8000u - (uint32_t)half : half) << 1;
    const int16_t size = lookup(TABLE_SIN, (uint16_t)(a > 32767u ? 32767u : a));
    return (int16_t)(turn & 0x8000u ? -size : size);
}""",
    "gauss": "static int16_t gauss(int32_t z) { return lookup(TABLE_GAUSS, size_of(z)); }",
    "abs": "static int16_t absolute(int32_t z) { return within(z < 0 ? -z : z); }",
    "square": """static int16_t square(int32_t z, uint8_t more) {
    const int32_t kept = within(z);
    return within((kept * kept) >> more);
}""",
}

_CALLS = {"identity": "within", "steep_sigmoid": "sigmoid", "tanh": "hyperbolic", "sin": "sine", "abs": "absolute"}

check_functions(__name__, activations=_CODE)


def call_of(name: str) -> str:
    """Return the expression of an activation at z."""
    more = ", more" if FIXED[name].shape in ("curved", "square") else ""
    return f"{_CALLS.get(name, name)}(z{more})"


def function_code(names: Iterable[str]) -> list[str]:
    """Return the helpers and tables that these activations need, in order."""
    wanted = {"sigmoid" if name == "steep_sigmoid" else name for name in names}
    tables = sorted({FIXED[name].table for name in wanted if FIXED[name].table})
    code = [
        f"static const int16_t TABLE_{name.upper()}[65] FLASH = {{\n{wrap(map(str, table_values(name).tolist()))}\n}};"
        for name in tables
    ]
    own = [_CODE[name] for name in _CODE if name in wanted and _CODE[name]]
    joined = "\n".join(own)
    helpers = [_LOOKUP] if tables else []
    helpers += [_SIZE_OF] if "size_of(" in joined or "rest_of(" in joined else []
    helpers += [_LOOKUP_MORE] if "rest_of(" in joined else []
    return [*code, *helpers, *own]


def within_code() -> str:
    """Return the helper that saturates."""
    return _WITHIN
