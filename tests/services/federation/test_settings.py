"""Plans travel as JSON, and clients do what they say."""

import numpy as np
import pytest

from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.codec import Codec
from models.federated.devices import Stragglers
from models.federated.grid import LocalGrid
from models.federated.plan import Plan
from models.federated.privacy import Adaptive, Privacy
from models.federated.secure import Secure
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.softmax import SoftmaxLearner, blank
from models.federated.strategies import StrategySettings
from models.federated.traffic import traffic_mod
from services.federation.repeatable import repeatable
from services.federation.settings import plan_of, plan_text


def plan(**more):
    values = {
        "rounds": 3,
        "seed": 5,
        "rate": 0.1,
        "strategy": StrategySettings("scaffold"),
        "selection": Selection("random", 1.0, 1),
    }
    return Plan(**{**values, **more})


@pytest.mark.parametrize(
    "wanted",
    [
        plan(),
        plan(
            privacy=Privacy("central_dp", adaptive=Adaptive(0.5, 0.2, 1.0)),
            stragglers=Stragglers("drop", 3.0),
            upload=Codec("top_k", 0.1),
            download=Codec("int8"),
            timeout=12.5,
        ),
        plan(privacy=Privacy("secure_aggregation"), secure=Secure(8.0, 2, 1000)),
    ],
)
def test_a_plan_survives_json(wanted):
    assert plan_of(plan_text(wanted)) == wanted


def learners():
    rng = np.random.default_rng(3)
    return [
        SoftmaxLearner(
            f"c{i}", rng.standard_normal((30, 4)).astype(np.float32), np.arange(30) % 3, 3, 10
        )
        for i in range(2)
    ]


@pytest.mark.parametrize("upload", [Codec("none"), Codec("top_k", 0.25)])
def test_a_round_that_is_asked_for_twice_ends_in_the_same_weights(upload):
    """Clients keep SCAFFOLD's control variates and what compression owes: both must go back."""
    wanted, people = plan(upload=upload, download=upload), learners()
    mods = [repeatable, traffic_mod(upload, upload)]

    def run(interrupted):
        app = client_app(lambda c: people[int(c.node_config["partition-id"])], mods)
        grid, found, kept = LocalGrid(app, 2), [], []

        def on_round(server):
            def note(r):
                found.append(digest(r.arrays))
                kept.append(server.memory())

            return note

        server = Server(wanted, blank(4, 3), clients=2)
        server.on_round = on_round(server)
        if not interrupted:
            server.run(grid)
            return found
        server.plan = plan(upload=upload, download=upload, rounds=1)
        server.run(grid)
        # Round 2 is done by the clients, and the server dies before it writes anything down.
        dying = Server(plan(upload=upload, download=upload, rounds=2), blank(4, 3), clients=2)
        dying.remember(kept[0])
        dying.run(grid)
        back = Server(wanted, blank(4, 3), clients=2)
        back.on_round = on_round(back)
        back.remember(kept[0])
        back.run(grid)
        return found

    assert run(interrupted=True) == run(interrupted=False)
