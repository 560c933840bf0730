"""Train, validation and test: taken from the source where it has them, else cut from its training images by seed."""

from collections.abc import Mapping, Sequence

import numpy as np

from depthwise.data.images import SPLITS, Listing, Pictures, SplitName
from depthwise.errors import UserError


def missing(splits: Mapping[SplitName, Pictures]) -> tuple[SplitName, ...]:
    """The splits that must be cut from the training images."""
    return tuple(split for split in SPLITS if split not in splits)


def complete(listing: Listing, fractions: tuple[float, float], seed: int) -> dict[SplitName, Pictures]:
    """Cuts what the listing lacks from its training images, class by class, so that each class is in each split.

    The cut is a function of the images, the fractions and the seed. Each fraction is of the images of a class in the
    training split as it came, rounded, at least one image.

    Args:
        listing: must have a training split.
        fractions: for validation and test; that of a split which the listing has is not used.
        seed: of the shuffle within a class.

    Raises:
        UserError: if a class has too few images.
    """
    pool = listing.splits["train"]
    shares = [
        (name, share) for name, share in zip(SPLITS[1:], fractions, strict=True) if name in missing(listing.splits)
    ]
    parts: dict[SplitName, list[np.ndarray]] = {name: [] for name in ("train", *(name for name, _ in shares))}
    for label, class_name in enumerate(listing.classes):
        members = np.flatnonzero(pool.labels == label)
        if len(members) <= len(shares):
            raise UserError(
                f"class '{class_name}' of {listing.name} has {len(members)} readable images, but {' and '.join(parts)} "
                f"need one each: add images, or remove the class"
            )
        members = np.random.default_rng([seed, label]).permutation(members)
        total = len(members)
        for following, (name, share) in zip(range(len(shares), 0, -1), shares, strict=True):
            # What is left must still give one image to each split that follows, training included.
            count = min(max(1, round(share * total)), len(members) - following)
            parts[name].append(members[:count])
            members = members[count:]
        parts["train"].append(members)
    cut = {name: pool.take(np.sort(np.concatenate(chosen))) for name, chosen in parts.items()}
    return {name: cut.get(name) or listing.splits[name] for name in SPLITS}


def check(name: str, classes: Sequence[str], labels: Mapping[SplitName, np.ndarray], skipped: Sequence[str]) -> None:
    """Raises UserError unless there are two classes and each class has an image in each of the given splits."""
    because = f" ({len(skipped)} unreadable, the first: {skipped[0]})" if skipped else ""
    if len(classes) < 2:
        found = f"only the class '{classes[0]}'" if classes else "no class"
        raise UserError(f"{name} has {found}{because}: a classifier needs two or more")
    for split, present in labels.items():
        counts = np.bincount(present, minlength=len(classes))
        if not counts.any():
            raise UserError(f"the {split} split of {name} has no readable image{because}: add images there")
        if not counts.all():
            absent = [classes[int(label)] for label in np.flatnonzero(counts == 0)]
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            raise UserError(
                f"class '{absent[0]}'{more} has no readable image in the {split} split of {name}{because}: "
                f"add images there, or remove the class everywhere"
            )
