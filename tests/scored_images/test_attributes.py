import pandas as pd

from selfscore.scored_images.attributes import attributes_of


def test_images_are_found_by_the_ends_of_their_paths() -> None:
    table = pd.DataFrame(
        {
            "image_id": ["session1/iaa_pub1_.jpg", "two", "twin.jpg", "nowhere.jpg", "", "two.jpg"],
            "blur": [1.5, None, 3.0, 4.0, 5.0, 6.0],
            "light": [2.0, 2.5, 1.0, 1.0, 1.0, 1.0],
        }
    )
    paths = ["imgs/session1/iaa_pub1_.jpg", "two.jpg", "a/twin.jpg", "b/twin.jpg", "unknown.jpg"]
    known = attributes_of(paths, table).set_index("path")
    assert known["light"].to_dict() == {"imgs/session1/iaa_pub1_.jpg": 2, "two.jpg": 2.5}
    assert known["blur"].isna().tolist() == [False, True]


def test_an_empty_table_knows_nothing() -> None:
    assert attributes_of(["a"], pd.DataFrame({"image_id": [], "blur": []})).empty
