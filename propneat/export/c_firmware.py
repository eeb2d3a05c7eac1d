"""Programs around a model's self-test that run on a bare chip, or its emulator, and say how it went."""

__all__ = ["AVR_MAIN", "CLOCK_HEADER", "LINKER_SCRIPT", "ROUNDS", "run_text", "size_main", "start_text", "stub"]

ROUNDS = 20
"""How often a bare ARM or RISC-V chip runs the self-test, whose clock ticks are coarse."""

CLOCK_HEADER = """void clock_start(void);
void clock_stop(void);
#define {upper}_TEST_BEFORE() clock_start()
#define {upper}_TEST_AFTER() clock_stop()
"""

AVR_MAIN = """#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdint.h>

int {prefix}_test(void);
void clock_start(void);
void clock_stop(void);

static volatile uint16_t turns;
static uint32_t total, worst, rows, nothing;

ISR(TIMER1_OVF_vect) {{ turns++; }}

void clock_start(void) {{
    turns = 0;
    TCNT1 = 0;
}}

void clock_stop(void) {{
    const uint16_t ticks = TCNT1;
    const uint32_t cycles = ((uint32_t)turns << 16) + ticks - nothing;
    total += cycles;
    rows++;
    if (cycles > worst) worst = cycles;
}}

static void say(uint32_t number) {{
    char digits[11];
    uint8_t k = 0;
    do {{ digits[k++] = (char)('0' + number % 10); number /= 10; }} while (number);
    while (k) {{ while (!(UCSR0A & (1 << UDRE0))) {{ }} UDR0 = (uint8_t)digits[--k]; }}
    while (!(UCSR0A & (1 << UDRE0))) {{ }}
    UDR0 = ' ';
}}

int main(void) {{
    int wrong;
    UCSR0B = 1 << TXEN0;
    TCCR1B = 1;
    TIMSK1 = 1 << TOIE1;
    sei();
    clock_start();
    clock_stop();
    nothing = total;
    total = worst = rows = 0;
    wrong = {prefix}_test();
    say((uint32_t)wrong); say(rows); say(total / rows); say(worst);
    UDR0 = '\\n';
    while (!(UCSR0A & (1 << TXC0))) {{ }}
    cli();
    sleep_mode();
    return 0;
}}
"""

LINKER_SCRIPT = """ENTRY(start)
MEMORY {{ FLASH (rx) : ORIGIN = {flash_at}, LENGTH = {flash} RAM (rwx) : ORIGIN = {ram_at}, LENGTH = {ram} }}
SECTIONS {{
  .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.srodata*) . = ALIGN(4); }} > FLASH
  .ARM.exidx : {{ *(.ARM.exidx*) . = ALIGN(4); data_from = .; }} > FLASH
  .data : {{ data_start = .; *(.data*) *(.sdata*) . = ALIGN(4); data_end = .; }} > RAM AT > FLASH
  .bss : {{ bss_start = .; *(.bss*) *(.sbss*) *(COMMON) . = ALIGN(4); bss_end = .; }} > RAM
  stack_top = ORIGIN(RAM) + LENGTH(RAM);
}}
"""

_START = """#include <stdint.h>

extern uint32_t data_from, data_start, data_end, bss_start, bss_end, stack_top;
int main(void);
void start(void);
{entry}
{{
    uint32_t *from = &data_from, *to;
{fpu}    for (to = &data_start; to < &data_end; to++) *to = *from++;
    for (to = &bss_start; to < &bss_end; to++) *to = 0;
    main();
    for (;;) {{ }}
}}
"""

_CORTEX_ENTRY = """
__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {&stack_top, (const void *)start};

void start(void)"""

_RISCV_ENTRY = """void begin(void);

__attribute__((naked, used, section(".vectors"))) void start(void) { __asm volatile("la sp, stack_top\\n j begin"); }

__attribute__((used)) void begin(void)"""

_FPU = '    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;\n    __asm volatile("dsb; isb");\n'

_RUN_MAIN = """#include <stdint.h>

int {prefix}_test(void);
void clock_start(void);
void clock_stop(void);

static uint32_t began, total, rows;

static long call(long operation, const void *argument) {{
    register long a __asm("{first}") = operation;
    register const void *b __asm("{second}") = argument;
    __asm volatile({trap} : "+r"(a) : "r"(b) : "memory");
    return a;
}}

{clock}

void clock_start(void) {{ began = now(); }}

void clock_stop(void) {{
    total += (now() - began) & 0xFFFFFFu;
    rows++;
}}

static void say(uint32_t number) {{
    char digits[12], *at = digits + 11;
    *at = 0;
    *--at = ' ';
    do {{ *--at = (char)('0' + number % 10); number /= 10; }} while (number);
    call(4, at);
}}

int main(void) {{
    int wrong = 0, round;
    uint32_t nothing;
    set_up();
    for (round = 0; round < 1000; round++) {{ clock_start(); clock_stop(); }}
    nothing = total;
    total = rows = 0;
    for (round = 0; round < {rounds}; round++) wrong += {prefix}_test();
    say((uint32_t)wrong); say(rows); say(total); say(nothing);
    call(4, "\\n");
    call(0x18, (const void *)0x20026);
    return 0;
}}
"""

_SYSTICK = """static volatile uint32_t *const SYSTICK = (volatile uint32_t *)0xE000E010;

static uint32_t now(void) { return 0xFFFFFFu - SYSTICK[2]; }

static void set_up(void) {
    SYSTICK[1] = 0xFFFFFF;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;
}"""

_CYCLE = """static uint32_t now(void) {
    uint32_t count;
    __asm volatile("csrr %0, mcycle" : "=r"(count));
    return count;
}

static void set_up(void) { }"""

_RISCV_TRAP = '".option push\\n.option norvc\\nslli x0, x0, 0x1f\\nebreak\\nsrai x0, x0, 7\\n.option pop"'


def start_text(is_arm: bool, has_fpu: bool) -> str:
    """Return the start of a bare ARM or RISC-V chip: memory made ready, then main."""
    return _START.format(entry=_CORTEX_ENTRY if is_arm else _RISCV_ENTRY, fpu=_FPU if has_fpu else "")


def run_text(prefix: str, is_arm: bool) -> str:
    """Return a main program that runs the self-test `ROUNDS` times and says, by semihosting, what it took."""
    if is_arm:
        return _RUN_MAIN.format(prefix=prefix, rounds=ROUNDS, first="r0", second="r1", trap='"bkpt 0xAB"', clock=_SYSTICK)
    return _RUN_MAIN.format(prefix=prefix, rounds=ROUNDS, first="a0", second="a1", trap=_RISCV_TRAP, clock=_CYCLE)


def size_main(prefix: str, number: str) -> str:
    """Return a program that calls the model once with numbers that the compiler cannot know."""
    upper = prefix.upper()
    return f"""#include "{prefix}.h"
volatile {number} given[{upper}_COLUMNS + 1], answered[{upper}_OUTPUTS];
volatile int code;
int main(void) {{
    code = {prefix}_predict((const {number} *)given, ({number} *)answered);
    for (;;) {{ }}
}}
"""


def stub(prefix: str, number: str) -> str:
    """Return a model that does nothing, to measure what is there without one."""
    return f"""#include "{prefix}.h"
int {prefix}_predict(const {number} *x, {number} *out) {{
    out[0] = x[0];
    return 0;
}}
"""
