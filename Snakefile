"""Entry point: checks the configuration and everything it names, then builds all results in ./results."""

import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(WORKFLOW), os.environ.get("PYTHONPATH")]))

from ruralpanel.contracts import project
from ruralpanel.contracts.fingerprint import fingerprint
from ruralpanel.contracts.problems import UserError

try:
    CONFIG = project.open_project(workflow.config_settings.configfiles, workflow.config_settings.config)
except UserError as error:
    sys.exit(error.report("The configuration cannot be used"))

PANELS = list(CONFIG.panels)
ESTIMATED = [panel for panel in PANELS if project.models_on(CONFIG, panel)]


def code(script, *more):
    """Hash of a script and of the modules it stands on: a change to them runs the rule again."""
    return fingerprint(WORKFLOW / "scripts" / script, WORKFLOW, [file for pattern in more for file in WORKFLOW.glob(pattern)])


include: "workflow/rules/ingest.smk"
include: "workflow/rules/panel.smk"
include: "workflow/rules/estimate.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    message:
        "All results are in results/: open results/report/report.html"
    input:
        REPORTS,
        SCORECARD,
        TABLES,
        FIGURES,
        MAPS,
        MODELS,
        expand("results/panels/{panel}/panel.csv", panel=PANELS),
