"""Fusion of modalities: proved where the right answer is known, then compared on data.

`prove` holds each fusion to its class on tasks with known answers; `compare` trains several under
equal budgets and gives a `FusionReport`; `regions` draws what each can decide over a plane; `look`
opens one example inside one of them; `advise` says which to take for a purpose; `meeting` says where the
modalities meet in a model in use.
"""

from workbench.data.examples import Examples
from workbench.fusion.comparison.advice import Advice, Option, Reason
from workbench.fusion.comparison.advise import advise
from workbench.fusion.comparison.compare import compare
from workbench.fusion.comparison.fused_embeddings import fused
from workbench.fusion.comparison.join import join
from workbench.fusion.comparison.report import FusionReport, TrainingEvent
from workbench.fusion.comparison.report_parts import Budget, Contributions, Paired, Pid, Robustness
from workbench.fusion.comparison.saved_reports import open_report
from workbench.fusion.comparison.shipped import measured
from workbench.fusion.design import Design, Fusion, FusionCard, Plan, Spec
from workbench.fusion.inside.look import look
from workbench.fusion.inside.look_and_regions import Look, Regions
from workbench.fusion.inside.meeting import Crossing, Meeting, meeting
from workbench.fusion.inside.plane_tasks import PlaneTask, plane_tasks
from workbench.fusion.inside.regions import regions
from workbench.fusion.inside.saved_results import open_proof, open_regions
from workbench.fusion.inside.shipped_planes import (
    PLANE_DESIGN,
    PLANE_SIZE,
    PLANE_STEPS,
    KeptPlane,
    kept_planes,
)
from workbench.fusion.inside.tiny_models import SPECIMENS, specimen
from workbench.fusion.registry import FusionTable, available, card
from workbench.fusion.theory.gaussian_examples import gaussian
from workbench.fusion.theory.proof import Proof, ProofRow
from workbench.fusion.theory.prove import prove
from workbench.fusion.tokens import examples

__all__ = [
    "PLANE_DESIGN",
    "PLANE_SIZE",
    "PLANE_STEPS",
    "SPECIMENS",
    "Advice",
    "Budget",
    "Contributions",
    "Crossing",
    "Design",
    "Examples",
    "Fusion",
    "FusionCard",
    "FusionReport",
    "FusionTable",
    "KeptPlane",
    "Look",
    "Meeting",
    "Option",
    "Paired",
    "Pid",
    "Plan",
    "PlaneTask",
    "Proof",
    "ProofRow",
    "Reason",
    "Regions",
    "Robustness",
    "Spec",
    "TrainingEvent",
    "advise",
    "available",
    "card",
    "compare",
    "examples",
    "fused",
    "gaussian",
    "join",
    "kept_planes",
    "look",
    "measured",
    "meeting",
    "open_proof",
    "open_regions",
    "open_report",
    "plane_tasks",
    "prove",
    "regions",
    "specimen",
]
