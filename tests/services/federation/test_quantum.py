"""A quantum head as the clients' model: it learns, and ends as clients wired by hand do."""

from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.heads import HeadLearner
from models.federated.server import Server
from models.quantum.head import HeadConfig, QuantumHead
from services.federation.digits import write_digits
from services.federation.partitions import read_partition
from services.federation.simulate import simulate

HEAD = HeadConfig(features=64, classes=10, qubits=4, layers=2, spread=0.1)
ROUNDS = 12


def here(server, app, *, on_start):
    """In place of Ray."""
    on_start()
    server.run(LocalGrid(app, server.clients))


def test_a_quantum_head_learns_across_clients(tmp_path):
    federation = write_digits(
        tmp_path / "federation", nodes=3, rounds=ROUNDS, seed=7, head="quantum"
    )
    # 64 * 4 + 4 before the circuit, 2 layers of 3 angles a wire in it, 4 * 10 + 10 after it.
    assert sum(value.size for value in federation.initial.values()) == 260 + 24 + 50
    lines = simulate(tmp_path / "run", federation, here)
    people = []
    for folder in federation.partitions:
        rows = read_partition(folder).rows
        judge = (rows["x_validation"], rows["y_validation"])
        build = lambda: QuantumHead(HEAD, seed=0)  # noqa: E731
        people.append(HeadLearner(folder.name, rows["x"], rows["y"], build, 32, 1, judge))
    app = client_app(lambda context: people[int(context.node_config["partition-id"])])
    server = Server(federation.plan, federation.initial, clients=3)
    server.run(LocalGrid(app, 3))
    assert digest(server.arrays) == lines[-1]["digest"]
    found = [person.evaluate(server.arrays)["accuracy"] for person in people]
    assert min(found) > 0.3  # ten classes of equal size: a guess is right once in ten
