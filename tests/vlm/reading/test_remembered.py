import gc
import weakref

from selfscore.vlm.reading.remembered import Remembered


class Processor:
    pass


def test_a_value_is_found_once_for_every_processor_and_key() -> None:
    remembered: Remembered[str, list[str]] = Remembered(8)
    asked = []

    def find() -> list[str]:
        asked.append("")
        return [str(len(asked))]

    one, other = Processor(), Processor()
    first = remembered.of(one, "a", find)
    assert remembered.of(one, "a", find) is first
    assert remembered.of(one, "b", find) == ["2"]
    assert remembered.of(other, "a", find) == ["3"]
    assert len(asked) == 3


def test_no_more_are_kept_than_is_said() -> None:
    remembered: Remembered[int, int] = Remembered(2)
    processor = Processor()
    found = [remembered.of(processor, key, lambda key=key: 10 * key) for key in range(5)]
    assert found == [0, 10, 20, 30, 40]
    assert remembered.of(processor, 0, lambda: -1) == -1
    assert remembered.of(processor, 4, lambda: -1) == 40


def test_what_was_found_goes_with_its_processor() -> None:
    remembered: Remembered[str, object] = Remembered(2)
    processor = Processor()
    gone = weakref.ref(remembered.of(processor, "a", Processor))
    gc.collect()
    assert gone() is not None
    del processor
    gc.collect()
    assert gone() is None
