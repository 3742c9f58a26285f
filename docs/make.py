"""Writes the results of a run into README.md and docs/: `python -m docs.make RUN_DIRECTORY`.

Of the figures it reads only the run's summary.json. A test checks that README.md still says what the saved
example does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image

from harness.stats import figures
from harness.stats.estimate import Estimate

DOCS: Final = Path(__file__).resolve().parent
README: Final = DOCS.parent / "README.md"
PICTURE: Final = DOCS / "pictures" / "verdicts.png"
EXAMPLE: Final = DOCS / "example" / "summary.json"
BEGIN, END = "<!-- results -->", "<!-- /results -->"
LARGEST_BYTES: Final = 150_000
COLOURS: Final = 64
DISPENSABLE: Final = ("processes", "bounds", "victims")
"""What a cell of the saved example may lack, in the order in which it is left out: the table shows none of it."""

Record = Mapping[str, Any]


def results(summary: Record) -> str:
    """Return the table of results with the line above it, in Markdown."""
    compared = headline(summary)
    rows = [
        "| workload | contender / baseline | ratio | 95 % interval | verdict | why |",
        "|---|---|---|---|---|---|",
        *_rows(summary, compared),
    ]
    return "\n".join([_circumstances(summary, compared), "", *rows])


def headline(summary: Record) -> list[Record]:
    """Return the comparisons of the plan at its highest level; those at an equal rate have another kind of level."""
    model = summary["plan"]["levels"][0]["model"]
    compared = [each for each in summary["comparisons"] if each["level"]["model"] == model]
    if not compared:
        raise SystemExit("docs/make.py: the run compares nothing, so there is no table to write.")
    highest = max((each["level"] for each in compared), key=_size)
    return [each for each in compared if each["level"] == highest]


def _size(level: Record) -> float:
    return float(level.get("rate_rps") or level.get("users") or 0)


def _circumstances(summary: Record, compared: Sequence[Record]) -> str:
    """Return one line: the machine, the date, the level, the blocks and the command."""
    machine, plan = summary["machine"], summary["plan"]
    blocks = max(each["blocks"] for each in compared)
    fewest = min(each["blocks"] for each in compared)
    counted = f"{blocks} blocks" if fewest == blocks else f"{fewest} to {blocks} blocks"
    rejected = sum(block["rejected"] for block in summary["disturbed_blocks"])
    metric = "p99 latency, less is better" if compared[0]["metric"] == "p99_ms" else "requests a second"
    incomplete = "" if summary["complete"] else " The run was interrupted."
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['python']}; {plan['started'][:10]}; "
        f"{_spelled(compared[0]['level'])}; {counted} count{f', {rejected} rejected' if rejected else ''}; {metric}; "
        f"`{plan['command']}`.{incomplete}"
    )


def _spelled(level: Record) -> str:
    if level["model"] == "closed":
        think = f" with {level['think_s'] * 1000:g} ms think time" if level.get("think_s") else ""
        load = f"{level['users']} users{think}, closed loop"
    else:
        load = f"{level['rate_rps']:g} requests a second, open loop, {level['arrivals']} arrivals"
    knobs = ", ".join(f"{name} {value}" for name, value in level.get("knobs", {}).items())
    return f"{load} ({knobs})" if knobs else load


def _rows(summary: Record, compared: Sequence[Record]) -> Iterator[str]:
    before = None
    for each in compared:
        workload = each["workload"]
        ratio, pair = _estimate(each), f"{each['contender']} / {each['baseline']}"
        shown = [pair, figures.ratio(ratio), figures.ratio_interval(ratio)]
        if each["verdict"] == "INVALID":
            shown = [f"~~{figure}~~" for figure in shown]
        row = ["" if workload == before else workload, *shown, each["verdict"], _why(summary, each)]
        yield f"| {' | '.join(text.replace('|', chr(92) + '|') for text in row)} |"
        before = workload


def _estimate(compared: Record) -> Estimate | None:
    if compared["ratio"] is None:
        return None
    return Estimate(compared["ratio"], compared["low"], compared["high"], compared["blocks"])


def _why(summary: Record, compared: Record) -> str:
    """Return the guard that took the verdict away, or the first cause of the contender, in a few words."""
    contender, baseline = (_cell(summary, compared, compared[side]) for side in ("contender", "baseline"))
    for cell in (contender, baseline):
        if not cell["valid"]:
            return f"{cell['variant']}: {_beginning(cell['warnings'][0])}"
    found = contender["diagnosis"]
    if found.get("causes"):
        first = found["causes"][0]
        share = "" if first["share"] is None else f" {first['share']:.0%}"
        return f"{first['cause']}{share}{_at(first['line'])}"
    if contender["cause"] is not None:
        return _beginning(contender["cause"])
    return "not known" if "unknown" in found else "no cause found"


def _at(line: str | None) -> str:
    return f" at `{line}`" if line else ""


def _beginning(sentence: str) -> str:
    """Return a sentence up to its first colon or full stop."""
    return sentence.split(": ")[0].split(". ")[0].rstrip(".")


def _cell(summary: Record, compared: Record, variant: str) -> Record:
    wanted = (compared["workload"], variant, compared["level"])
    found: Record = next(
        cell for cell in summary["cells"] if (cell["workload"], cell["variant"], cell["level"]) == wanted
    )
    return found


def with_results(readme: str, table: str) -> str:
    """Return the text of README.md with this table between its two markers."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise SystemExit(f"docs/make.py: README.md needs {BEGIN} and {END} once each.")
    above, rest = readme.split(BEGIN)
    return f"{above}{BEGIN}\n\n{table}\n\n{END}{rest.split(END)[1]}"


def example(summary: Record) -> str:
    """Return summary.json as it is saved, without what the table does not show where it is too large."""
    left_out = 0
    while len(text := _to_json(summary, DISPENSABLE[:left_out]).encode()) > LARGEST_BYTES:
        if left_out == len(DISPENSABLE):
            raise SystemExit(f"docs/make.py: summary.json has {len(text):,} bytes without its large parts: too many.")
        left_out += 1
    return text.decode()


def _to_json(summary: Record, without: Sequence[str]) -> str:
    cells = [{name: value for name, value in cell.items() if name not in without} for cell in summary["cells"]]
    return json.dumps({**summary, "cells": cells}, indent=1, ensure_ascii=False) + "\n"


def save_picture(chart: Path) -> None:
    """Save the chart with few colours, which a chart has anyway."""
    PICTURE.parent.mkdir(exist_ok=True)
    with Image.open(chart) as picture:
        picture.convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)
    if PICTURE.stat().st_size > LARGEST_BYTES:
        raise SystemExit(f"docs/make.py: {PICTURE} has more than {LARGEST_BYTES:,} bytes.")


def main() -> None:
    """Write the table, the picture and the example of the run that was named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN_DIRECTORY", help="a run directory, with summary.json and charts")
    run: Path = parser.parse_args().run
    try:
        summary: Record = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise SystemExit(f"docs/make.py: {error.filename} cannot be read ({error.strerror}).") from None
    saved = example(summary)
    table = results(json.loads(saved))
    README.write_text(with_results(README.read_text(encoding="utf-8"), table), encoding="utf-8")
    EXAMPLE.parent.mkdir(exist_ok=True)
    EXAMPLE.write_text(saved, encoding="utf-8")
    save_picture(run / "charts" / "verdicts.png")


if __name__ == "__main__":
    main()
