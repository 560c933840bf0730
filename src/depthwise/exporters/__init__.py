"""Files for other runtimes: one exporter a format, each file run by its runtime and compared before it counts.

    exported = export(graph, "litert", Path("network.tflite")); exported.difference

To add a format: one file in this folder that defines `EXPORTERS = {name: Exporter(...)}`.
"""

from pathlib import Path

import onnx_ir as ir

from depthwise.exporters.base import Exported, Exporter, write
from depthwise.registry import Registry

EXPORTERS: Registry[Exporter] = Registry("export format", __name__, "EXPORTERS")

__all__ = ["EXPORTERS", "Exported", "Exporter", "export"]


def export(network: ir.Model, to: str, path: Path, precision: str | None = None) -> Exported:
    """Writes a network in another runtime's format, if what that runtime computes from it is right.

    Args:
        network: any Graph with weights.
        to: name of the format, a key of `EXPORTERS`.
        path: of the file; it is written whole, after the comparison, or not at all.
        precision: of the weights, where the format offers a choice; None: as suits the network.

    Raises:
        UserError: as `exporters.base.write`; an unknown format.
    """
    return write(network, EXPORTERS[to], path, precision)
