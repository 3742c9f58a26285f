"""Locust's own fast user, as a yardstick."""

from locust import FastHttpUser, task


class Fast(FastHttpUser):
    """Asks for the root again and again."""

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/")
