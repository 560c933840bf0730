import itertools

from hypothesis import given
from hypothesis import strategies as st

from depthwise.planning.memory import Layout, Lifetime, lower_bound, plan_offsets

lifetimes = st.builds(
    lambda size, first, length: Lifetime(size, first, first + length),
    st.integers(1, 40),
    st.integers(0, 5),
    st.integers(0, 4),
)


def overlaps(buffers: list[Lifetime], layout: Layout) -> list[tuple[int, int]]:
    """Pairs that live at the same time and share a byte."""
    pairs = []
    for (i, a), (j, b) in itertools.combinations(enumerate(buffers), 2):
        together = a.first <= b.last and b.first <= a.last
        x, y = layout.offsets[i], layout.offsets[j]
        if together and x < y + b.size and y < x + a.size:
            pairs.append((i, j))
    return pairs


def optimum(buffers: list[Lifetime]) -> int:
    """Smallest arena at alignment 1: putting each buffer as low as it goes, in every order, reaches it."""
    best = sum(b.size for b in buffers)
    for order in itertools.permutations(range(len(buffers))):
        offsets: dict[int, int] = {}
        for i in order:
            rivals = [j for j in offsets if buffers[j].first <= buffers[i].last and buffers[i].first <= buffers[j].last]
            starts = sorted({0, *(offsets[j] + buffers[j].size for j in rivals)})
            offsets[i] = next(
                s
                for s in starts
                if all(s + buffers[i].size <= offsets[j] or offsets[j] + buffers[j].size <= s for j in rivals)
            )
        best = min(best, max(offsets[i] + buffers[i].size for i in offsets))
    return best


@given(st.lists(lifetimes, min_size=1, max_size=12), st.sampled_from([1, 4, 64]))
def test_no_two_live_buffers_overlap(buffers, alignment):
    layout = plan_offsets(buffers, alignment)
    assert overlaps(buffers, layout) == []
    assert all(offset % alignment == 0 for offset in layout.offsets)
    assert layout.total >= lower_bound(buffers, alignment)
    assert layout.total >= max(o + b.size for o, b in zip(layout.offsets, buffers, strict=True))


@given(st.lists(lifetimes, min_size=1, max_size=5))
def test_near_the_brute_force_optimum(buffers):
    total = plan_offsets(buffers, 1).total
    best = optimum(buffers)
    assert lower_bound(buffers, 1) <= best <= total <= 1.5 * best


def test_a_chain_reaches_the_optimum():
    sizes = [48, 96, 64, 24, 144, 144, 24]
    buffers = [Lifetime(size, i, i + 1) for i, size in enumerate(sizes)]
    assert plan_offsets(buffers, 1).total == optimum(buffers) == lower_bound(buffers, 1) == 288


def test_a_residual_block_reaches_the_optimum():
    # input kept alive for the sum, expansion, depthwise, projection
    buffers = [Lifetime(24, 0, 3), Lifetime(144, 0, 1), Lifetime(144, 1, 2), Lifetime(24, 2, 3)]
    assert plan_offsets(buffers, 1).total == optimum(buffers) == 312


def test_each_greedy_order_wins_somewhere_and_the_better_is_taken():
    by_size_wins = [Lifetime(1, 2, 2), Lifetime(7, 3, 3), Lifetime(5, 1, 3), Lifetime(6, 1, 2)]
    by_breadth_wins = [Lifetime(9, 2, 2), Lifetime(8, 3, 3), Lifetime(6, 3, 3), Lifetime(8, 2, 3)]
    for buffers, best in ((by_size_wins, 12), (by_breadth_wins, 22)):
        assert plan_offsets(buffers, 1).total == optimum(buffers) == best


def test_nothing_to_place():
    assert plan_offsets([]) == Layout((), 0)
    assert lower_bound([]) == 0
