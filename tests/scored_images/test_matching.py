from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selfscore.scored_images.matching import lost_zeros, match_files

FILES = [
    "7.jpg",
    "7.png",
    "photos/8.jpg",
    "photos/day 1/9.JPG",
    "photos/day 2/9.jpg",
    "caf\u00e9.png",
    "x/y/10.v2.jpg",
]


def match(name: str) -> list[str]:
    return match_files([name], FILES)[name]


def test_path_itself() -> None:
    assert match("7.jpg") == ["7.jpg"]


def test_name_without_suffix_only_when_it_is_clear() -> None:
    assert match("photos/8") == ["photos/8.jpg"]
    assert match("x/y/10.v2") == ["x/y/10.v2.jpg"]
    assert match("7") == ["7.jpg", "7.png"]


def test_case_slashes_and_accents() -> None:
    assert match("PHOTOS\\Day 1\\9.jpg") == ["photos/day 1/9.JPG"]
    assert match("./photos/8.JPG") == ["photos/8.jpg"]
    assert match("cafe\u0301.png") == ["caf\u00e9.png"]


def test_file_below_the_name() -> None:
    assert match("8.jpg") == ["photos/8.jpg"]
    assert match("day 2/9.jpg") == ["photos/day 2/9.jpg"]
    assert match("9.jpg") == ["photos/day 1/9.JPG", "photos/day 2/9.jpg"]


def test_name_above_the_folder() -> None:
    assert match("/data/set/photos/8.jpg") == ["photos/8.jpg"]
    assert match("elsewhere/7.jpg") == ["7.jpg"]


def test_same_name_in_another_folder_is_another_image() -> None:
    assert match("other/8.jpg") == []
    assert match("8.jpeg") == []
    assert match("18.jpg") == []
    assert match("nothing") == []


def test_a_folder_that_is_there_is_looked_into_alone() -> None:
    files = ["1.jpg", "a/2.jpg", "a/b/3.jpg"]
    for name in ("a/1.jpg", "A/1.jpg", "x/a/1.jpg", "a/x/1.jpg", "b/2.jpg"):
        assert match_files([name], files)[name] == [], name
    assert match_files(["x/a/2.jpg"], files) == {"x/a/2.jpg": ["a/2.jpg"]}


def test_two_names_never_mean_one_file_by_leaving_out_folders() -> None:
    assert match_files(["x/1.jpg", "y/1.jpg"], ["1.jpg"]) == {"x/1.jpg": [], "y/1.jpg": []}
    assert match_files(["x/1.jpg", "1.jpg"], ["1.jpg"]) == {"x/1.jpg": [], "1.jpg": ["1.jpg"]}


def test_zeros_that_a_spreadsheet_ate() -> None:
    files = ["a/00012.jpg", "7.jpg", "0.jpg", "x12.jpg"]
    assert lost_zeros(["12", "12.jpg", "13", "x", "0", ""], files) == {
        "12": "a/00012.jpg",
        "12.jpg": "a/00012.jpg",
    }


paths = st.lists(
    st.text("ab.", min_size=1, max_size=3).filter(lambda part: part.strip(".")),
    min_size=1,
    max_size=3,
).map("/".join)


@given(names=st.lists(paths, unique=True), files=st.lists(paths, unique=True))
def test_a_file_that_is_named_is_found_and_others_are_no_strangers(
    names: list[str], files: list[str]
) -> None:
    fits = match_files(names, files)
    assert set(fits) == set(names)
    for name, found in fits.items():
        assert set(found) <= set(files)
        assert len(found) == len(set(found))
        if name in files:
            assert found == [name]
