import hashlib

from selfscore.datasets.directory import MARKER, write_json
from selfscore.provenance.base_model import describe_base_model


def test_weights_changed_in_place_are_noticed_beside_an_old_marker(tmp_path):
    folder, parameters = tmp_path / "model", {"model": {"id": "model", "revision": None}}
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_text(name)
    names = ("config.json", "model.safetensors")
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    bare = describe_base_model(parameters, tmp_path)
    write_json({"sha256": hashes}, folder / MARKER)
    before = describe_base_model(parameters, tmp_path, bare)
    assert before["sha256"] == bare["sha256"]
    (folder / "model.safetensors").write_text("other weights")
    after = describe_base_model(parameters, tmp_path, before)
    assert after["sha256"] != before["sha256"]
