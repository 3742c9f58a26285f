"""The measured FastAPI service: its workloads and their variants. Runs in the server process."""
