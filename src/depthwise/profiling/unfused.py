"""What fusing gains: the network with activation functions, then BatchNorm too, as passes of their own."""

from collections.abc import Mapping, Sequence
from functools import partial

from depthwise.errors import UserError
from depthwise.graph import Graph, normalize
from depthwise.planning import Choice
from depthwise.profiling.records import FusionProfile
from depthwise.profiling.timed import Timed, best_round, built, total
from depthwise.progress import Progress

FORMS: Mapping[str, Sequence[str]] = {
    "BatchNorm folded, activations fused": (),
    "activations as passes of their own": ("fuse_activation",),
    "BatchNorm and activations as passes of their own": (
        "fold_batchnorm",
        "fold_batchnorm_forward",
        "fuse_activation",
    ),
}
"""Form -> passes that are left out; the first is what ships."""


def against_unfused(
    network: Graph, input: str, choice: Choice, seconds: float, progress: Progress
) -> list[FusionProfile]:
    """The network in each form.

    Args:
        network: any Graph with weights. input: "uint8" or "float". choice: how each is planned.
        seconds: for each form. progress: told how it goes, and what cannot be left unfused.

    Raises:
        UserError: as `Timed.build` for the first form.
    """
    progress.stage("unfused")
    graphs = {}
    for form, passes in FORMS.items():
        try:
            graphs[form] = normalize(network, without=passes)
        except UserError as error:  # a BatchNorm on a vector has no pass of its own
            progress.note(f"{form}: left out: {error}")
    networks = built([partial(Timed.build, graph, input, choice) for graph in graphs.values()])
    times = [total(found) for found in best_round(networks, seconds)]
    return [
        FusionProfile(form=form, calls=len(one.engine.manifest.profile), seconds=time, ratio=time / times[0])
        for form, one, time in zip(graphs, networks, times, strict=True)
    ]
