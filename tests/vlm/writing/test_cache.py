import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import DynamicCache

from selfscore.vlm.writing.cache import roomy_cache

ACTIONS = st.lists(
    st.one_of(
        st.integers(1, 70).map(lambda n: ("add", n)),
        st.integers(0, 5).map(lambda n: ("crop", n)),
        st.lists(st.integers(0, 7), min_size=1, max_size=5).map(lambda rows: ("select", rows)),
    ),
    max_size=8,
)


@given(ACTIONS)
def test_it_holds_what_the_growing_cache_of_transformers_holds(actions):
    ours, theirs = roomy_cache(), DynamicCache()
    generator = torch.Generator().manual_seed(0)
    rows = 3
    for action, value in [("add", 4), *actions]:
        length = ours.get_seq_length()
        if action == "add":
            states = torch.randn(2, rows, 2, value, 5, generator=generator)
            found = ours.update(*states, 0)
            expected = theirs.update(*states, 0)
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        elif action == "crop" and value < length:
            ours.crop(-value)
            theirs.crop(-value)
        elif action == "select":
            kept = torch.tensor([row % rows for row in value])
            ours.batch_select_indices(kept)
            theirs.batch_select_indices(kept)
            rows = len(kept)
        assert ours.get_seq_length() == theirs.get_seq_length()
        assert torch.equal(ours.layers[0].keys, theirs.layers[0].keys)
        assert torch.equal(ours.layers[0].values, theirs.layers[0].values)


def test_a_token_is_written_in_place():
    cache = roomy_cache()
    cache.update(torch.zeros(1, 1, 4, 2), torch.zeros(1, 1, 4, 2), 0)
    place = cache.layers[0].keys.data_ptr()
    for _ in range(10):
        cache.update(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 2), 0)
    assert cache.layers[0].keys.data_ptr() == place
