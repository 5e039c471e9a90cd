"""The ClientApp: what runs where the data are, in process, in Ray and on a SuperNode alike."""

from collections.abc import Callable, Sequence

from flwr.app import ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import Mod

from models.federated.arrays import Arrays, add, arrays_of, record_of, subtract, zeros
from models.federated.facts import TellsFacts
from models.federated.learner import Learned, Learner, Work
from models.federated.seeds import mix

ARRAYS, CONTROL, CONFIG, METRICS, ABOUT = "arrays", "control", "config", "metrics", "about"
"""Names of the records in a message: weights, SCAFFOLD's control variate, the server's settings,
figures, and what a client says about itself."""


def client_app(learner_of: Callable[[Context], Learner], mods: Sequence[Mod] = ()) -> ClientApp:
    """A ClientApp.

    Args:
        learner_of: the model and data of the client that a context belongs to. Called for every
            message: it keeps what is expensive.
        mods: wrap training only, first one outermost. They are given here and nowhere else, as
            Flower would apply those of ClientApp and of its functions one after the other.
    """
    app = ClientApp()

    @app.train(mods=list(mods))
    def train(message: Message, context: Context) -> Message:
        content, config = message.content, message.content[CONFIG]
        learner, sent = learner_of(context), arrays_of(content[ARRAYS])
        control = arrays_of(content[CONTROL]) if CONTROL in content else None
        own = _own_control(context, sent) if control is not None else None
        work = Work(
            round=int(config["server-round"]),
            seed=mix(int(config["seed"]), int(config["server-round"]), partition_of(context)),
            rate=float(config["rate"]),
            share=float(config.get("share", 1.0)),
            mu=float(config.get("proximal-mu", 0.0)),
            correction=subtract(control, own) if control is not None and own is not None else None,
        )
        learned = learner.train(sent, work)
        reply = RecordDict(
            {
                ARRAYS: record_of(learned.arrays),
                METRICS: MetricRecord(
                    {"num-examples": learned.examples, "steps": learned.steps, **learned.metrics}
                ),
                ABOUT: ConfigRecord({"round": work.round, "partition": partition_of(context)}),
            }
        )
        if control is not None and own is not None:
            change = _control_change(control, sent, learned, work.rate)
            context.state[CONTROL] = record_of(add(own, change))
            reply[CONTROL] = record_of(change)
        return Message(reply, reply_to=message)

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        found = learner_of(context).evaluate(arrays_of(message.content[ARRAYS]))
        return Message(RecordDict({METRICS: MetricRecord(dict(found))}), reply_to=message)

    @app.query()
    def introduce(message: Message, context: Context) -> Message:
        learner = learner_of(context)
        about = {
            "partition": partition_of(context),
            "name": learner.name,
            "examples": learner.examples,
        }
        if isinstance(learner, TellsFacts) and learner.facts is not None:
            about |= learner.facts.record()
        return Message(RecordDict({ABOUT: ConfigRecord(about)}), reply_to=message)

    return app


def partition_of(context: Context) -> int:
    """Which part of the data this client has."""
    return int(context.node_config["partition-id"])


def _own_control(context: Context, like: Arrays) -> Arrays:
    return arrays_of(context.state[CONTROL]) if CONTROL in context.state else zeros(like)


def _control_change(control: Arrays, sent: Arrays, learned: Learned, rate: float) -> Arrays:
    """SCAFFOLD's option II: c_i+ - c_i = (x - y) / (K lr) - c."""
    scale = 1.0 / (learned.steps * rate)
    return {name: (sent[name] - learned.arrays[name]) * scale - control[name] for name in sent}
