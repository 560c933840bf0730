"""Every node gets a name of its own, by which errors, cost rows and profiles speak of it."""

import onnx_ir as ir


def name_nodes(model: ir.Model) -> bool:
    """Keeps unique names; names the others after their operator and place, or NAME.2, NAME.3 ... ."""
    taken: set[str] = set()
    changed = False
    for index, node in enumerate(model.graph):
        base = node.name or f"{node.op_type.lower()}_{index}"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}.{count}"
        taken.add(name)
        changed |= name != node.name
        node.name = name
    return changed
