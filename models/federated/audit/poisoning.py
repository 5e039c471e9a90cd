"""What poisoning clients do to a federation under each strategy."""

from collections.abc import Sequence
from dataclasses import replace

from models.federated.audit.attacks import CORNER, Attack, backdoor_success, with_attackers
from models.federated.audit.membership import Training
from models.federated.audit.shares import Share, Task
from models.federated.audit.stack import plan_for, trained
from models.federated.privacy import Privacy
from models.federated.softmax import SoftmaxLearner, blank, judge
from models.federated.strategies import StrategySettings


def poisoning(
    task: Task,
    shares: Sequence[Share],
    attack: Attack | None,
    *,
    strategy: StrategySettings,
    training: Training,
    hostile: float,
    privacy: Privacy,
    seed: int,
) -> dict[str, float]:
    """Accuracy after all rounds, and how often the trigger works; without an attack, the clean run.

    Args:
        task: to judge by.
        shares: rows of each client.
        attack: what hostile clients do, or None.
        strategy: how the server combines; `malicious` is what it expects, not what there is.
        training: how clients learn.
        hostile: share of clients, below 0.5.
        privacy: none or local_dp: what robust strategies can be combined with.
        seed: of who is hostile, and of training.
    """
    learners = [
        SoftmaxLearner(f"c{i}", x, y, task.classes, training.batch_size, training.epochs)
        for i, (x, y) in enumerate(shares)
    ]
    clients = with_attackers(learners, attack, share=hostile, seed=seed)
    plan = plan_for(
        privacy, rounds=training.rounds, rate=training.rate, seed=seed, strategy=strategy
    )
    arrays = trained(clients, plan, blank(task.x.shape[1], task.classes))
    trigger = attack.trigger if attack else CORNER
    return {
        "accuracy": judge(arrays, task.test_x, task.test_y)["accuracy"],
        "backdoor": backdoor_success(arrays, task.test_x, task.test_y, trigger),
    }


def expecting(name: str, *, clients: int, hostile: float) -> StrategySettings:
    """A strategy set for as many hostile clients as there are: the best that it can be.

    Multi-Krum averages n - 2 f updates, the trimmed mean cuts f values at each end.
    """
    bad = round(hostile * clients)
    return replace(
        StrategySettings(name), malicious=bad, selected=clients - 2 * bad, trimmed=bad / clients
    )
