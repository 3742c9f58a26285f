"""The routes that belong to the bench itself: their addresses alone, for those who ask and need no FastAPI for it."""

from typing import Final

BYSTANDER_PATH: Final = "/_bench/bystander"
SYNC_BYSTANDER_PATH: Final = "/_bench/bystander-def"
CATALOGUE_PATH: Final = "/_bench/catalogue"
WITNESS_PATH: Final = "/_bench/witness"
