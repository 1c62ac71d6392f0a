import torch

from selfscore.merging.randomness import seeded


def draw(name):
    with seeded(name):
        return torch.rand(4)


def test_draws_depend_on_the_name_alone():
    first = draw("0 layer")
    torch.rand(7)
    assert torch.equal(draw("0 layer"), first)
    assert not torch.equal(draw("1 layer"), first)


def test_the_global_generator_is_left_as_it_was():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    draw("0 layer")
    assert torch.equal(torch.rand(4), expected)
