"""The commands and settings files that the pages show exist, and the reference names all there are."""

import pytest

from pages import LINKED, PAGES, ROOT, blocks, ids


def options_of(command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], set[str]]:
    """Every verb of the command line with its options, ``("runs", "show"): {"--cite", ...}``."""
    found = {path: {name for p in command.params for name in (*p.opts, *p.secondary_opts) if name.startswith("--")}}
    for name, child in getattr(command, "commands", {}).items():
        found |= options_of(child, (*path, name))
    return found


def wrong_commands(text: str, verbs: dict[tuple[str, ...], set[str]]) -> list[str]:
    """The lines of a page's shell blocks that call practicum with a verb or an option which it does not have."""
    wrong = []
    for block in blocks(text):
        for line in block.code.splitlines() if block.language == "bash" else []:
            words = line.partition("#")[0].split()
            if words[:1] != ["practicum"] and not (words and words[0].endswith("/practicum")):
                continue
            verb = max((v for v in verbs if v == tuple(words[1 : 1 + len(v)])), key=len)
            options = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
            if (not verb and words[1:2] and not words[1].startswith("-")) or options - verbs[verb]:
                wrong.append(line)
    return wrong


@pytest.fixture(scope="module")
def verbs():
    from typer.main import get_command

    from practicum.cli import app

    return options_of(get_command(app))


@pytest.mark.parametrize("page", LINKED, ids=ids(LINKED))
def test_the_commands_of_a_page_exist(page, verbs):
    assert wrong_commands(page.read_text(), verbs) == []


def test_a_command_that_does_not_exist_is_found(verbs):
    page = "```bash\npracticum solve a.toml --set x=1\npracticum slove\npracticum runs show 12 --fast\n```\n"
    assert wrong_commands(page, verbs) == ["practicum slove", "practicum runs show 12 --fast"]


def test_the_reference_names_every_verb_and_option(verbs):
    text = (ROOT / "docs/reference/command-line.md").read_text()
    missing = {f"{' '.join(verb)} {option}" for verb, names in verbs.items() for option in names if option not in text}
    missing |= {" ".join(verb) for verb in verbs if f"`{' '.join(verb)}" not in text and verb != ("runs",)}
    assert missing == set()


def settings_files(networks: bool) -> list:
    """The TOML blocks of all pages, those for networks or those for theory and simulation."""
    examples = [b for page in PAGES for b in blocks(page.read_text()) if b.language == "toml" and b.runs]
    return [b for b in examples if ("[teacher]" in b.code) is networks and "[sweep]" not in b.code]


def test_the_grids_of_the_pages_are_swept(tmp_path):
    from practicum.runs.sweeps.sweeping import plan_of

    grids = [b for page in PAGES for b in blocks(page.read_text()) if b.language == "toml" and "[sweep]" in b.code]
    assert grids
    for example in grids:
        path = tmp_path / "grid.toml"
        path.write_text(example.code)
        assert len(plan_of(path, []).configs) > 1


def test_the_settings_files_of_trainings_are_accepted(tmp_path):
    from practicum.runs.train_settings import training_configuration

    assert settings_files(networks=True)
    for example in settings_files(networks=True):
        path = tmp_path / "training.toml"
        path.write_text(example.code)
        assert training_configuration(path).training.epochs >= 1


@pytest.mark.parametrize("kind", ["solve", "simulate"])
def test_the_settings_files_of_the_pages_are_accepted(kind, tmp_path):
    from practicum.runs.settings import configuration

    assert settings_files(networks=False)
    for example in settings_files(networks=False):
        path = tmp_path / "problem.toml"
        path.write_text(example.code)
        assert configuration(kind, path).machine.students >= 1
