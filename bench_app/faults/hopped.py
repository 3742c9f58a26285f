"""Classes as dependencies of an `async def`: FastAPI calls each of them in a worker thread."""

from typing import Annotated

from fastapi import Depends

from bench_app.workload import Suffers, Workload

workload = Workload(name="hopped", question="Are the threads seen that an async def handler takes?")


class Page:
    """Where a page begins, and how long it is."""

    def __init__(self, skip: int = 0, limit: int = 100) -> None:
        self.skip, self.limit = skip, limit


class Order(Page):
    """The same, as a dependency of its own."""


class Filter(Page):
    """The same, as a third one."""


async def page(skip: int = 0, limit: int = 100) -> Page:
    """Return a page without a thread."""
    return Page(skip, limit)


@workload.variant("async", name="classes", suffers=Suffers("thread hops"))
async def depend_on_classes(
    page: Annotated[Page, Depends()], order: Annotated[Order, Depends()], chosen: Annotated[Filter, Depends()]
) -> dict[str, int]:
    """Take three threads for three objects that take a microsecond each."""
    return {"skip": page.skip + order.skip + chosen.skip}


@workload.variant("async", name="function", against="classes", suffers=Suffers("CPU", low_tried=False))
async def depend_on_a_function(page: Annotated[Page, Depends(page)]) -> dict[str, int]:
    """Take no thread."""
    return {"skip": page.skip}
