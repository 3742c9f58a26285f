"""Paths of the routes that belong to the bench itself. A client imports them without importing FastAPI."""

from typing import Final

BYSTANDER_PATH: Final = "/_bench/bystander"
SYNC_BYSTANDER_PATH: Final = "/_bench/bystander-def"
CATALOGUE_PATH: Final = "/_bench/catalogue"
THREADS_PATH: Final = "/_bench/threads"
