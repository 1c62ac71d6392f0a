"""What a GPU makes of the loop, from a bare machine with torch to a JSON file, in one command.

    python -m benchmarks.gpu carry .wheels                # here: what is missing there, as wheels
    python -m benchmarks.gpu run --wheels .wheels         # there: no network, below 8 minutes

The machine has to have torch (2.8 or later, with CUDA), torchvision, pandas and pyarrow. True
shapes with random weights are measured in bfloat16; the record, `--record`, is written after every
way, so what a limit of time cuts off is lost and no more. `--tiny` tries all of it on a CPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.wheels import LIMIT_MIB, carry, go_on_with

RECORD = Path(__file__).with_name("gpu.json")
# No way begins later than this; the longest takes about a minute with its compilation.
_SECONDS = 400


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: download wheels, or measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    bring = commands.add_parser("carry", help="download what a bare machine lacks")
    bring.add_argument("folder", type=Path)
    bring.add_argument("--python", default="3.12", help="that machine's")
    run = commands.add_parser("run", help="measure, and write a record")
    run.add_argument("--wheels", type=Path, help="install these first, into a folder of their own")
    run.add_argument("--record", type=Path, default=RECORD)
    run.add_argument("--shapes", nargs="+", help="all, unless named")
    run.add_argument("--tiny", action="store_true", help="shapes for a CPU")
    run.add_argument("--pairs", type=int, default=8, help="a training step")
    run.add_argument("--images", type=int, default=32, help="a batch of all else")
    run.add_argument("--repeats", type=int, default=3)
    run.add_argument("--seconds", type=float, default=_SECONDS, help="no way begins later")
    options = parser.parse_args(arguments)
    if options.command == "carry":
        size = carry(options.folder, options.python)
        print(f"{size:.1f} MiB of wheels in {options.folder}; with the project below {LIMIT_MIB}")
    elif options.wheels:
        go_on_with(options.wheels, _without_wheels(options))
    else:
        _measure(options)


def _without_wheels(options: argparse.Namespace) -> list[str]:
    # The folder changes to the project's.
    found = ["run", f"--record={options.record.resolve()}"]
    found += [f"--{name}={getattr(options, name)}" for name in ("pairs", "images", "repeats")]
    found += [f"--seconds={options.seconds}", *(["--tiny"] if options.tiny else [])]
    return found + (["--shapes", *options.shapes] if options.shapes else [])


def _measure(options: argparse.Namespace) -> None:
    begun = time.monotonic()
    import torch

    from benchmarks.gpu.machine import describe
    from benchmarks.gpu.measure import measure
    from benchmarks.gpu.models import TINY_SHAPES, TRUE_SHAPES

    shapes = TINY_SHAPES if options.tiny else TRUE_SHAPES
    unknown = [name for name in options.shapes or () if name not in shapes]
    if unknown:
        raise SystemExit(f"There is no shape '{unknown[0]}': {', '.join(shapes)}.")
    if not options.tiny and not torch.cuda.is_available():
        raise SystemExit("There is no GPU here. `--tiny` tries the command on a CPU.")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    record: dict[str, Any] = {"machine": describe(device), "shapes": {}}
    for name in options.shapes or shapes:

        def keep(found: dict[str, Any], name: str = name) -> None:
            record["shapes"][name] = found
            record["seconds"] = round(time.monotonic() - begun)
            options.record.write_text(json.dumps(record, indent=1) + "\n")

        until = begun + options.seconds
        measure(shapes[name], device, options.pairs, options.images, options.repeats, until, keep)
    print(f"{record['seconds']} s in all; the record is in {options.record}")


if __name__ == "__main__":
    main()
