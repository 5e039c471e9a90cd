"""What the SuperLink runs, once for every run."""

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from services.federation.rounds import serve

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    serve(grid, context.run_config)
