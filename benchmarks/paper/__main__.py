"""What it costs to set a newsletter as a PDF, a page or an email: processor and memory of a whole process.

    python -m benchmarks.paper [--tries 3] [--write]

Each one is set by a Deno process that has done nothing before: the figures include Deno, modules, the typefaces and
the pictures. Of several tries the cheapest counts, since other work on the machine makes a processor slower, never
faster. The budget of a newsletter of 50 responses with 20 pictures is 1 s of processor, and 128 MB above a process
that has set an empty page.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import psutil

from benchmarks.report import Table, machine, run
from tests.functions.render.conftest import PICTURES, Job, Renderer
from tests.functions.render.newsletters import every_script, large, newsletter_row, prose, response_row

LARGE = "50 responses of 600 characters, 20 pictures"


def photographs(count: int) -> Job:
    """A newsletter of a photograph with a line or two in each response."""
    answers = [response_row(f"Reader {index}", prose(120, index), image_path="a") for index in range(count)]
    pictures = {"responses": {"a": str(PICTURES / "tall.jpg")}}
    return {"newsletter": newsletter_row({"Where do you read?": answers}), "pictures": pictures}


def one_word(number: int) -> dict[str, Any]:
    """Return a response without a space: every character of it is a place where the line may be broken."""
    return response_row(f"Reader {number}", "a@b." * 2497)


def letters(folder: Path) -> dict[str, Job]:
    """What is measured, by its name."""
    many = {
        f"Question {number}?": [response_row("Ada", prose(600, number * 10 + one)) for one in range(10)]
        for number in range(10)
    }
    one = newsletter_row({"What did you read?": [response_row("Ada", "Middlemarch, again.")]})
    return {
        "1 response": {"newsletter": one},
        LARGE: large(folder, PICTURES / "tall.jpg"),
        "100 responses of 600 characters": {"newsletter": newsletter_row(many)},
        "50 responses in every script": {"newsletter": every_script()},
        "30 photographs": photographs(30),
        "10 responses of one word of 9,990 characters": {
            "newsletter": newsletter_row({f"Question {n}": [one_word(n)] for n in range(10)})
        },
    }


def cost(job: Job) -> tuple[float, float, dict[str, object]]:
    """Set a newsletter in a process of its own; return seconds of processor, MB above idle, and what it said."""
    render = Renderer()
    try:
        render({"newsletter": newsletter_row({})})
        idle = render.peak_bytes()
        said = render(job)
        (process,) = (one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE)
        times = process.cpu_times()
        return times.user + times.system, (render.peak_bytes() - idle) / 2**20, said
    finally:
        render.close()


def measure(tries: int) -> str:
    """Set each newsletter on each paper, and return a table of the costs."""
    table = Table("newsletter", "form", "pages", "processor, whole process", "of it setting", "above idle", "file")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "letter.pdf"

        def add(title: str, paper: str, job: Job) -> None:
            costs = [cost(job) for _ in range(tries)]
            seconds, _, said = min(costs, key=lambda one: one[0])
            above = min(one[1] for one in costs)
            setting = min(float(str(one[2]["cpuSeconds"])) for one in costs)
            figures = (
                f"{seconds:.2f} s",
                f"{setting:.2f} s",
                f"{above:.0f} MB",
                f"{path.stat().st_size / 1000:.0f} kB",
            )
            table.add(title, paper, str(said.get("pages", "")), *figures)

        jobs = letters(folder)
        for title, job in jobs.items():
            for paper in ("A4", "LETTER"):
                add(title, paper, job | {"pdf": str(path), "size": paper})
        # The email has pictures by their addresses, and the page has them inside.
        add(LARGE, "page", jobs[LARGE] | {"page": str(path)})
        web = {"responses": {name: f"https://pictures.example/{name}" for name in jobs[LARGE]["pictures"]["responses"]}}
        mail = {"html": str(path), "text": str(folder / "letter.txt")}
        add(LARGE, "email", jobs[LARGE] | {"pictures": web, "mail": mail})
        only = newsletter_row({"What did you read?": [response_row("Ada", prose(600, 1), image_path="a")]})
        sheet = {"newsletter": only, "pictures": photographs(1)["pictures"], "keepsake": str(path)}
        add("a keepsake", "A5", sheet)
    return f"{machine()}\n\n{table}"


def main() -> None:
    """Measure, print, and with `--write` keep it."""
    run(__file__, __doc__, measure)


if __name__ == "__main__":
    main()
