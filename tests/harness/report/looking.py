"""A page in a real browser: what lies beyond its right edge."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

LOOK: Final = """
<script>addEventListener('load', () => {
  const width = document.documentElement.clientWidth;
  const all = selector => [...document.querySelectorAll(selector)];
  const name = element => element.outerHTML.slice(0, 80);
  const beyond = element => !element.closest('.scroll *, pre *') && element.getBoundingClientRect().right > width;
  const ids = all('nav a').every(a => document.querySelector(a.getAttribute('href')));
  const charts = all('svg').filter(svg => svg.getBoundingClientRect().height > 50).length;
  all('details').forEach(details => details.open = true);
  document.title = JSON.stringify({
    over: document.documentElement.scrollWidth - width,
    wide: all('body *').filter(beyond).map(name),
    cut: all('.scroll').filter(frame => frame.scrollWidth > frame.clientWidth).map(name),
    charts, ids,
  });
})</script>
"""


def look(browser: str, page: Path, width: int, scratch: Path) -> dict[str, Any]:
    """Show the page at this width; return what lies beyond its right edge, or beyond that of a scrolling frame."""
    # Headless Chromium has no windows narrower than 500 pixels: a frame has.
    (scratch / "probe.html").write_text(page.read_text().replace("</body>", f"{LOOK}</body>"))
    frame = scratch / "frame.html"
    frame.write_text(
        f'<iframe src="probe.html" style="width:{width}px;height:900px;border:0"></iframe>'
        "<script>addEventListener('load', () => document.body.dataset.seen = frames[0].document.title)</script>"
    )
    shown = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--allow-file-access-from-files", "--disable-background-networking", "--disable-component-update"),
            *("--disable-sync", "--disable-quic", f"--user-data-dir={scratch / 'profile'}", "--window-size=1300,1000"),
            *("--dump-dom", frame.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout
    seen: dict[str, Any] = json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', shown)[1]))  # type: ignore[index]
    return seen
