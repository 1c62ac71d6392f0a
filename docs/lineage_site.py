"""Builds the lineage as a web site of its own in `build/`: kedro-viz's, with previews of the data.

`make lineage` runs it. Knows what kedro-viz leaves out of the sites that it builds: an answer that
its page asks for. It also takes out the page's reference to a font on the internet, so that the
site asks nobody for anything. Knows nothing of the pipelines.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

# Where `kedro viz build` writes; git ignores it.
FOLDER = "build"

_FONT = re.compile(r"<link[^>]*fonts\.(?:googleapis|gstatic)\.com[^>]*>\s*")


def build(project: Path) -> Path:
    """Build the site anew from the project's configuration and data.

    Args:
        project: root of the project.

    Returns:
        The site's folder.

    Raises:
        RuntimeError: If kedro-viz built nothing; it has then said why.
    """
    site = project / FOLDER
    shutil.rmtree(site, ignore_errors=True)
    command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
    # The order of layers that do not depend on each other follows from the hashes of their names.
    subprocess.run(command, cwd=project, check=True, env=os.environ | {"PYTHONHASHSEED": "0"})
    page = site / "index.html"
    if not page.is_file() or not (site / "api" / "main").is_file():
        raise RuntimeError("kedro-viz built no site; what it says above is the reason.")
    page.write_text(_FONT.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
    (site / "api" / "metadata").write_text(_metadata(), encoding="utf-8")
    return site


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of the site while it is served to this machine.

    Args:
        site: its folder.
    """
    handler = functools.partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def _metadata() -> str:
    """What kedro-viz's server answers when its page asks which packages it works with."""
    from kedro_viz.api.rest.responses.metadata import MetadataAPIResponse
    from kedro_viz.api.rest.utils import get_package_compatibilities

    return MetadataAPIResponse(
        package_compatibilities=get_package_compatibilities()
    ).model_dump_json()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


if __name__ == "__main__":
    folder = build(Path.cwd())
    print(f"Look at it with: python -m http.server --bind 127.0.0.1 --directory {folder.name}")
