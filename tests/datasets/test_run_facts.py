from selfscore.datasets.run_facts import RunFactsDataset


def test_there_is_nothing_until_something_is_known() -> None:
    dataset = RunFactsDataset()
    assert dataset.exists() and dataset.load() == {}
    dataset.save({"run": "2026"})
    assert dataset.load() == {"run": "2026"}
