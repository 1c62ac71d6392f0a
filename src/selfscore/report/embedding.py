"""A chart's panels as parts of a page: small, without scripts, in the page's own colours and fonts.

What is drawn in one of the colours of `labels` refers to a CSS variable of its name, which the page
sets for light and for dark.
"""

from __future__ import annotations

import io
import re
from html import escape
from threading import Lock

from matplotlib import rc_context

from selfscore.report.drawing import Chart
from selfscore.report.labels import INK, PALETTE

_VARIABLES = {shade: name for name, (shade, _) in PALETTE.items()} | {
    shade: name for name, shade in INK.items()
}
# What matplotlib writes only where its global settings say so.
_settings = Lock()


def panel_pictures(name: str, chart: Chart) -> list[str]:
    """Each panel as an `<svg>` element that fills the width it is given.

    The figure looks the same afterwards. Equal charts give equal text.

    Args:
        name: of the chart, which tells its marks from those of other charts on a page.
        chart: with all its panels.
    """
    figure = chart.figure
    hidden = [figure.patch, *figure.legends, *(panel.axes for panel in chart.panels)]
    for artist in hidden:
        artist.set_visible(False)
    pictures = []
    for number, panel in enumerate(chart.panels):
        panel.axes.set_visible(True)
        panel.show_heading(False)
        file = io.StringIO()
        with _settings, rc_context({"svg.fonttype": "none", "svg.hashsalt": f"{name} {number}"}):
            figure.savefig(
                file,
                format="svg",
                bbox_inches=panel.box,
                metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
            )
        panel.show_heading(True)
        panel.axes.set_visible(False)
        pictures.append(_embedded(file.getvalue(), panel.alt))
    for artist in hidden:
        artist.set_visible(True)
    return pictures


def _embedded(drawn: str, alt: str) -> str:
    """The element without what a document of its own needs, in the page's colours and fonts."""
    box = re.search(r'viewBox="([^"]+)"', drawn)
    assert box is not None
    body = drawn[drawn.index("<svg") :]
    body = body[body.index(">") + 1 :]
    # Its style is for every element, also for those of the page around it.
    body = re.sub(r"<(style|metadata)\b.*?</\1>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"<g/>|<defs>\s*</defs>| transform=\"rotate\(-0 [^\"]*\"", "", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r"#[0-9a-f]{6}", _variable, body).replace("xlink:href", "href")
    body = re.sub(r"\s*\n\s*", "\n", body)
    return f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(alt)}">{body.strip()}'


def _variable(colour: re.Match[str]) -> str:
    name = _VARIABLES.get(colour[0])
    return f"var(--{name})" if name else colour[0]
