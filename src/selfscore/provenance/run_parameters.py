"""The parameters with which some nodes of a run are run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from selfscore.configuration.layout import as_given, merged
from selfscore.provenance.manifest import Manifest, NodeRun
from selfscore.provenance.redaction import REDACTED


def run_parameters(manifest: Manifest, nodes: Iterable[NodeRun]) -> dict[str, Any]:
    """What the manifest has of the parameters that some nodes read.

    With them go those that were given to the run, and those that shape the pipelines. What the
    manifest does not hold, because it is secret or the node did not read it then, comes from the
    configuration.
    """
    # Numbers and lists at the top (rounds, experts, seed) may shape the pipelines.
    chosen = {
        key: value for key, value in manifest.parameters.items() if not isinstance(value, Mapping)
    }
    chosen = merged(chosen, manifest.command.get("runtime_params") or {})
    for name in sorted({name for node in nodes for name in node.inputs}):
        if name == "parameters":
            chosen = manifest.parameters
            break
        if name.startswith("params:"):
            with suppress(KeyError):
                value = manifest.parameter(name)
                for key in reversed(name.removeprefix("params:").split(".")):
                    value = {key: value}
                chosen = merged(chosen, value)
    return as_given(_without_redacted(chosen))


def _without_redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_redacted(below)
            for key, below in value.items()
            if not (isinstance(below, str) and REDACTED in below)
        }
    return value
