"""The paths of the routes that belong to the bench itself, for clients that need no FastAPI."""

from typing import Final

BYSTANDER_PATH: Final = "/_bench/bystander"
SYNC_BYSTANDER_PATH: Final = "/_bench/bystander-def"
CATALOGUE_PATH: Final = "/_bench/catalogue"
THREADS_PATH: Final = "/_bench/threads"
