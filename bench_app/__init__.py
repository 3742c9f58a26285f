"""What is measured: the FastAPI service, its workloads and their twins. Runs in the server process."""
