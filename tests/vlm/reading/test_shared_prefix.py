import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.vlm.reading.packed_mask import dense_mask
from selfscore.vlm.reading.shared_prefix import _layout

ANSWERS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=4)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), ANSWERS)
@settings(max_examples=200)
def test_every_answer_reads_as_in_a_row_of_its_own(prompt, answers):
    """Walking back from the place that predicts a token gives the prompt and what came before."""
    row = _layout(prompt, answers)
    mask = dense_mask(torch.tensor([row.segments]), torch.float32)[0, 0] == 0
    for answer, columns in zip(answers, row.columns, strict=True):
        assert len(columns) == len(answer)
        for number, column in enumerate(columns):
            seen = mask[column].nonzero()[:, 0].tolist()
            assert [row.ids[place] for place in seen] == [*prompt, *answer[:number]]
            # Positions run on without a gap, as they would in that row.
            after = [row.after_prompt[place] for place in seen]
            assert after == [0] * len(prompt) + list(range(1, number + 1))


@given(ANSWERS)
def test_what_all_answers_begin_with_is_computed_once(answers):
    same = [[7, 8, 9, *answer] for answer in answers]
    lengths = [len(_layout([1, 2], group).ids) for group in (answers, same)]
    assert lengths[1] == lengths[0] + 3
