"""Start: where the weights came from that a training began with, as a record of results.json and for people."""

from depthwise.config import Record


class Start(Record):
    """Weights that a network began with, and what they were trained with.

    Attributes:
        source: as the user named it. name: of the published weights that it holds; None: unknown ones.
        sha256: of the file. library: whose names its parameters had.
        padding, epsilon: of the network's convolutions and batch normalizations.
        mean, std: of pixels in 0..1; they are the run's preprocessing, too.
        top1: published accuracy on ImageNet-1k in percent; None: unknown. recipe: address of its training.
        new_classifier: whether the network has other classes, so that its classifier began anew.
    """

    source: str
    name: str | None = None
    sha256: str
    library: str
    padding: str
    epsilon: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    top1: float | None = None
    recipe: str = ""
    new_classifier: bool = False

    @property
    def sentence(self) -> str:
        """In words: "It began with mobilenet_v2.imagenet1k_v1 (71.878 % on ImageNet-1k as published, ...)."."""
        facts = [] if self.top1 is None else [f"{self.top1:g} % on ImageNet-1k as published"]
        facts += [f"SHA-256 {self.sha256[:8]}", *filter(None, [self.recipe])]
        new = "; the classifier is new" if self.new_classifier else ""
        return f"It began with the weights {self.name or self.source} ({', '.join(facts)}){new}."
