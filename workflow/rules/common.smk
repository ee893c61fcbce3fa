"""The checked configuration, and which code each rule stands on."""

import compileall
import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW))
os.environ.update(
    # Scripts run in processes of their own and must find the package of this checkout, installed or not.
    PYTHONPATH=os.pathsep.join([str(WORKFLOW), *filter(None, [os.getenv("PYTHONPATH")])]),
    # Chinese and Japanese locales choose other forms of the same characters: one locale, the same pictures everywhere.
    LC_ALL="C.UTF-8",
)

# Where Python may write no bytecode, as in most containers, every job would compile what it imports anew.
if sys.dont_write_bytecode:
    compileall.compile_dir(WORKFLOW / "ruralpanel", quiet=2)

from ruralpanel.project.interrupts import starting

with starting("snakemake"):
    from ruralpanel.output.report.software import version_of
    from ruralpanel.project import jobs as project
    from ruralpanel.project.other_results import compared_files
    from ruralpanel.project.other_results import compared_folder
    from ruralpanel.project.other_results import evidence_files
    from ruralpanel.project.fingerprint import fingerprint
    from ruralpanel.project.fingerprint import remembered
    from ruralpanel.project.reads import cluster_maps
    from ruralpanel.project.reads import map_matrices
    from ruralpanel.project.reads import place_files
    from ruralpanel.project.problems import UserError
    from ruralpanel.project.files import ByHash
    from ruralpanel.project.files import contents
    from ruralpanel.project.files import memory
    from ruralpanel.tools.bundle.contents import code_files
    from ruralpanel.tools.bundle.contents import used_files

    try:
        CONFIG = project.open_project(
            workflow.config_settings.configfiles,
            workflow.config_settings.config,
            fetching="fetch" in sys.argv[1:],  # Snakemake knows its targets only once all rules are read
        )
        FETCHED = project.fetch_settings(CONFIG)
    except UserError as error:
        sys.exit(error.report("The configuration cannot be used"))

PANELS = list(CONFIG.panels)
ESTIMATED = [panel for panel in PANELS if project.models_on(CONFIG, [panel])]


def alone(kind, wildcard):
    """Whether a run asks for single files of a kind: each is then made by a job of its own, from what it needs alone."""
    return any(word.startswith((f"results/{kind}/", f"{kind}:{wildcard}=")) for word in sys.argv[1:])


def chosen(items, wildcards):
    """The items that a job makes: the one that its wildcard names, or all."""
    return ByHash((name, dict(items[name])) for name in tuple(wildcards) or items)


def cores(number):
    """How many cores a job takes that has so many pieces to share out among them; where none are set, up to four."""
    return max(1, min(number, workflow.resource_settings.cores or 4))


def places(models):
    """What models read of places. Files from outside are known by their content (`contents`), not by their time."""
    return {name: ancient(files) for name, files in place_files(CONFIG, models).items()}


def one_of(names):
    """A wildcard that stands for declared names only."""
    return "|".join(names) or "none"


def code(script):
    """Hash of a script and of all that it stands on: a change to it runs the rule again."""
    return fingerprint(WORKFLOW / "scripts" / script, WORKFLOW)


def exhibits(files, shown, category, name):
    """The files, those with the ending `shown` for Snakemake's own report too, under a category."""
    about = {"caption": f"../captions/{category.lower()}.rst", "category": category}
    made = []
    for file in files:
        named = {name: Path(file).stem, "form": shown}
        made.append(report(file, labels=named, **about) if file.endswith(shown) else file)
    return made


def programs(idle):
    """What each rule but the `idle` ones runs and writes, for the page in a bundle."""
    return [
        {
            "rule": rule.name,
            "script": f"workflow/scripts/{Path(rule.script).name}",
            "output": [str(file) for file in rule.output],
        }
        for rule in workflow.rules
        if rule.script and rule.output and rule.name not in idle
    ]


def packed_files():
    """What a bundle holds beside results, by content."""
    code = [str(path) for path in code_files(Path(workflow.basedir))]
    return contents(code, list(used_files(CONFIG)))
