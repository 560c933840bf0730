"""The model card: timm's table of the model, ST's table of its memory and time, and how to use it."""

import json
import shlex

from depthwise.report import network, search, text
from depthwise.report.budget import budget_section
from depthwise.report.material import Material
from depthwise.report.templating import environment


def render_card(material: Material) -> str:
    """MODEL_CARD.md as text, with every row that is known. The C symbols are those of the header in the run's `c/`."""
    config, results = material.config, material.results
    roles = search.roles_of(material)
    origin, training, memory = results.origin, results.training, text.shipped_memory(results)
    return (
        environment()
        .get_template("card.md.j2")
        .render(
            name=text.model_name(config, results),
            sentence=text.sentence(config, results),
            config=config,
            network=text.chosen(results) or (config if config.model else None),
            search=results.search,
            trained=len({trial.candidate for trial in results.search.trials}) if results.search else 0,
            epochs=sorted({trial.epochs for trial in results.search.trials}) if results.search else [],
            roles=roles,
            tie=search.is_tie(roles),
            budget=budget_section(material),
            data=results.data,
            cost=results.cost,
            papers=results.papers,
            activations=network.activations(results.cost.layers) if results.cost else None,
            sides=text.image_sides(config, results),
            precision=material.precision,
            beside=results.accuracy.get("float32", {}).get("compiled") if material.precision == "int8" else None,
            shipping=results.shipping,
            ladder=results.ladder,
            memory=memory,
            latency=text.shipped_latency(results),
            accuracy=text.shipped_accuracy(results),
            training=training,
            start=results.start,
            device=material.device,
            machine=origin.machine if origin else None,
            version=origin.versions.get("depthwise") if origin else None,
            run=shlex.quote(str(material.path)),
            run_literal=json.dumps(str(material.path)),
            symbol=next((header.stem for header in sorted((material.path / "c").glob("*.h"))), "network"),
        )
    )
