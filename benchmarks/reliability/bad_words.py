"""Requests with values that nobody should type, drawn by Hypothesis: what ``bad_values.py`` sends through every verb.

A request that happens to be right must end soon, so there is always something that ends it: few updates, a norm that is
exceeded at once, or the size guard, for which little memory is pretended.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

TOML = (
    "nan", "inf", "-inf", "0", "-0.0", "-1", "0.5", "1e18", "-1e18", "1e400", "-1e400", "1e-320", "1" + 18 * "0",
    "1" + 30 * "0", "1" + 400 * "0", 5000 * "9", "true", "''", "'text'", "'ω → ∞'", "'\\n'", '"\\u0000"', "[]", "[1]",
    "[nan]", "[1e18, 2]", "['a']", "[1, 'a']", "[[1, 2], [3]]", "[[1, 2], [2, 1]]", "[[nan]]", "[{}]", "{}", "{a = 1}",
    "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "0x10", "1_000", "erf", "=", "...", "1,2", "[1", "'", "-", "{",
    "'generalization_error < nan'", "'generalization_error < -1'", "'loss < 1'",
)  # fmt: skip
"""Values as they are written in TOML, and some that it does not know."""
WORDS = (
    "nan", "inf", "-inf", "0", "-1", "0.5", "1e18", "1e400", "1" + 18 * "0", "1" + 30 * "0", 5000 * "9", "", " ",
    "ω → ∞", "\udcff", "a,b", ",", "1,", "nan,1", "1,inf", "true", "None", "..", "/", "~no-such-person/x", "{world}",
    "{world}/missing", "{world}/missing/deep.npz", "{world}/junk.bin", "{world}/empty.npy", "{world}/inputs.npy",
    "{world}/junk.safetensors", "{world}/teacher.safetensors/x", 300 * "long",
)  # fmt: skip
"""Values of options and arguments. A lone surrogate is what Python makes of a byte that is no UTF-8."""
SWEPT = (
    "0.1,nan", "0.1,0.1", "2..1", "0..", "..", "1..1" + 18 * "0", "linspace(0,1,1e18)", "linspace(0,1)", "linspace(",
    "geomspace(0,1,3)", "geomspace(1,inf,3)", "linspace(nan,1,3)", "range(3)", "linspace(0,1,0)", "1e400,2", "a,b",
)  # fmt: skip

COMMITTEE = {"students": "2", "teachers": "2", "learning_rate": "0.1", "until": "0.1"}
BASES = {
    "solve": COMMITTEE,
    "simulate": {**COMMITTEE, "dimension": "50", "save_at": "[0]"},
    "train": {
        "hidden": "2", "teacher.inputs": "5", "outputs": "2", "epochs": "1", "samples": "10", "held_out": "10",
        "seeds": "1",
    },
}  # fmt: skip
ENDLESS = (
    "until",
    "max_alpha",
    "dimension",
    "batch_size",
    "seeds",
    "rtol",
    "atol",
    "save_at",
    "method",
    "machine.noise",
)
"""Where a large value is right, and would take for ever if no norm ended it."""

HUGE = "1" + 15 * "0"
LONG = (
    "seeds", "epochs", "steps_per_epoch", "batch_size", "observe_at", "hidden", "widths", "multiple", "inputs",
    "outputs", "samples", "held_out", "images",
)  # fmt: skip
"""Of a training: where a large value is right, and only one that memory forbids ends at once."""


class Request(NamedTuple):
    """One call of the command line.

    Main arguments:
        verb: such as "runs list".
        arguments: after the verb; ``{world}`` stands for the folder with the files.
        files: to be written there before.
        fields: names of which an error must say one.
    """

    verb: str
    arguments: list[str]
    files: dict[str, bytes]
    fields: list[str]


def names(verb: str) -> dict[str, list[str]]:
    """The tables of a verb and the names in each; "" is the top."""
    from practicum.runs.settings import KNOWN
    from practicum.runs.train_settings import _KINDS, _OTHERS

    if verb == "train":
        kinds = {
            table: sorted({n for kind in kinds.values() for n in kind.model_fields}) for table, kinds in _KINDS.items()
        }
        return {**{table: list(found) for table, found in _OTHERS.items()}, **kinds}
    other = {"solve": "simulate", "simulate": "solve"}[verb]
    return {table: list(found) for table, found in KNOWN.items() if table != other}


def toml_values() -> st.SearchStrategy[str]:
    """Bad values as text: chosen ones, any number, any text."""
    numbers = st.one_of(st.floats(), st.integers(), st.integers(10**15, 10**40)).map(repr)
    return st.one_of(st.sampled_from(TOML), numbers, st.text(max_size=8).map(repr), matrices().map(repr))


def matrices() -> st.SearchStrategy[list[list[float]]]:
    """Of some shape, seldom symmetric, rarely positive."""
    entry = st.one_of(st.floats(-2, 2), st.sampled_from([0.0, 1.0, float("nan"), 1e200, -1e18]))
    return st.integers(0, 3).flatmap(lambda n: st.lists(st.lists(entry, min_size=n, max_size=n), max_size=3))


@st.composite
def settings_of(draw: Any, verb: str) -> Request:
    """A run asked for with --set, one to three of whose values are bad or whose names do not exist."""
    chosen = {name: draw(toml_values()) for name in draw(_some_names(verb))}
    if verb != "train" and draw(st.integers(0, 5)) == 0:
        chosen |= {"start.kind": "explicit", "Q": repr(draw(matrices())), "R": repr(draw(matrices()))}
    settings = _ended({**{k: v for k, v in BASES[verb].items() if not _means(chosen, k)}, **chosen}, verb)
    arguments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    return Request(verb, [*arguments, "--store", "{world}/fresh"], {}, list(chosen))


@st.composite
def files_of(draw: Any, verb: str) -> Request:
    """A run asked for with a TOML file: bad values, other tables, or no TOML at all."""
    how = draw(st.sampled_from(["values", "values", "values", "shapes", "bytes", "path"]))
    if how == "path":
        path = draw(st.sampled_from(["missing.toml", "", ".", "junk.bin", "missing/x.toml", "a\udcff.toml"]))
        return Request(verb, [f"{{world}}/{path}"], {}, ["{world}"])
    if how == "bytes":
        text = draw(
            st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"\xff\xfe", b"\x00", b"a = 1\na = 2", b"["]))
        )
        return _with_file(verb, text, ["made.toml", "students", "teachers", "training"])
    tables = names(verb)
    if how == "shapes":
        table = draw(st.sampled_from([t for t in tables if t] + ["other"]))
        text = draw(st.sampled_from([
            f"[[{table}]]\na = 1", f"[{table}.deep]\na = 1", f"{table} = 1", f"[{table}]\n[{table}]",
            f"['']\n{table} = 2", f"{table} = [1, 2]", f"{table}.a.b.c = 1", f"['{table}\\n']\na = 1",
        ]))  # fmt: skip
        return _with_file(verb, text.encode(), ["made.toml", table, "students", "teachers"])
    chosen = {name: draw(toml_values()) for name in draw(_some_names(verb))}
    lines: dict[str, list[str]] = {"": []}
    base = {k: v for k, v in BASES[verb].items() if not _means(chosen, k)}
    for name, value in _ended({**base, **chosen}, verb).items():
        table, _, key = name.rpartition(".")
        table = table or next((t for t, known in tables.items() if key in known), "")
        lines.setdefault(table, []).append(f"{key} = {value}")
    text = "\n".join("\n".join([f"[{table}]" if table else "", *part]) for table, part in lines.items())
    # A byte that is no text makes the file no TOML.
    return _with_file(verb, text.encode(errors="surrogateescape"), [*chosen, *lines, "made.toml"])


@st.composite
def swept(draw: Any) -> Request:
    """A sweep, whose cells are only checked."""
    verb = draw(st.sampled_from(["solve", "simulate"]))
    name = draw(st.sampled_from(sorted({n for known in names(verb).values() for n in known})))
    value = draw(st.one_of(st.sampled_from(SWEPT), toml_values()))
    base = {k: v for k, v in {**BASES[verb], "noise": "0,0.1"}.items() if k != name}
    arguments = [word for k, v in {**base, name: value}.items() for word in ("--set", f"{k}={v}")]
    for option in draw(st.lists(st.sampled_from(["--seeds", "--kind", "--workers"]), max_size=2, unique=True)):
        arguments += [option, draw(st.one_of(st.sampled_from(WORDS), st.sampled_from(SWEPT)))]
    given = [word.lstrip("-") for word in arguments if word in ("--seeds", "--kind", "--workers")]
    return Request("sweep", [*arguments, "--dry-run", "--store", "{world}/fresh"], {}, [name, *given])


@st.composite
def options_of(draw: Any, verb: str, places: list[str], options: dict[str, list[str]]) -> Request:
    """A verb one of whose arguments or options is bad, seldom two, or an argument missing.

    Main arguments:
        places: a right value for each argument.
        options: what may be given besides, and right values, of which there may be none.
    """
    words = st.one_of(st.sampled_from(WORDS), st.text("abω.-0123456789", max_size=6))
    chosen = draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True)) if options else []
    values = [*places, *(draw(st.sampled_from(options[name])) if options[name] else draw(words) for name in chosen)]
    # The first bad value hides the others.
    for place in draw(st.sets(st.integers(0, max(0, len(values) - 1)), min_size=1, max_size=2)) if values else ():
        values[place] = draw(words)
    arguments, rest = values[: len(places)], values[len(places) :]
    if draw(st.integers(0, 9)) == 0:
        arguments = arguments[:-1]
    given = [word for pair in zip(chosen, rest) for word in pair]
    fields = [*(option.lstrip("-") for option in chosen), *values]
    return Request(verb, [*given, "--", *arguments], {}, fields)


def _some_names(verb: str) -> st.SearchStrategy[list[str]]:
    tables = names(verb)
    dotted = [f"{table}.{name}" if table else name for table, known in tables.items() for name in known]
    bare = [name for known in tables.values() for name in known]
    unknown = ["studnets", "", " ", "machine.", ".x", "other.x", "ω", "a b", "kind"]
    name = st.sampled_from([*dotted, *bare, *dotted, *bare, *unknown])
    # Most often one, because the first bad value hides the others.
    return st.one_of(*3 * [name.map(lambda one: [one])], st.lists(name, min_size=2, max_size=3, unique=True))


def _means(chosen: dict[str, str], name: str) -> bool:
    """Whether a name of the base is among those chosen, under a table or bare."""
    return name.rpartition(".")[2] in {other.rpartition(".")[2] for other in chosen}


def _ended(settings: dict[str, str], verb: str) -> dict[str, str]:
    """With a norm that is exceeded at the start, where something could take for ever; or no training of hours."""
    if verb == "train":
        return {name: HUGE if name.rpartition(".")[2] in LONG and _is_long(value) else value
                for name, value in settings.items()}  # fmt: skip
    if any(_means(settings, name) for name in ENDLESS) and not _means(settings, "largest_norm"):
        return {**settings, "largest_norm": "1e-30"}
    return settings


def _is_long(value: str) -> bool:
    """Whether a value is a number that a training would spend minutes on."""
    try:
        return 20 < float(value) < 1e15
    except ValueError:
        return False


def _with_file(verb: str, content: bytes, fields: list[str]) -> Request:
    return Request(verb, ["{world}/made.toml", "--store", "{world}/fresh"], {"made.toml": content}, fields)
