import json
from pathlib import Path

import pytest

from selfscore.datasets.adapter import CONFIG, read_adapter


@pytest.mark.parametrize("config", [[], None, 3, {}, {"r": 8}])
def test_a_configuration_of_no_lora_is_named(tmp_path: Path, config: object) -> None:
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"{CONFIG}' is no configuration of a LoRA"):
        read_adapter(tmp_path)
