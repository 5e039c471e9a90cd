"""Stragglers as in FedProx's experiments: some clients of a round finish fewer epochs.

Source: Li et al. 2020, https://arxiv.org/abs/1812.06127, section 5.2.
"""

from collections.abc import Iterable, Iterator

from flwr.app import Error, Message
from flwr.serverapp import Grid

from models.federated.around import Around
from models.federated.client import CONFIG
from models.federated.devices import GONE, TRAIN
from models.federated.seeds import generator


class Straggling(Around):
    """A share of every round's clients straggles, the same ones for every strategy of a seed.

    Args:
        inner: reaches the clients.
        share: of them that straggle, 0 to 1; the rest is rounded to whole clients.
        epochs: of the whole work. A straggler manages 1 to epochs - 1 of them, all as likely.
        dropped: they are left out (FedAvg); else what they managed counts (FedProx).
        seed: of the draws.
    """

    def __init__(self, inner: Grid, *, share: float, epochs: int, dropped: bool, seed: int) -> None:
        super().__init__(inner)
        self.share, self.epochs, self.dropped, self.seed = share, epochs, dropped, seed

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterator[Message]:
        """Those of the others first."""
        sent = list(messages)
        late = self._late(sent)
        for message in sent:
            node = message.metadata.dst_node_id
            if node in late and not self.dropped:
                config = message.content[CONFIG]
                told = {**config, "share": late[node] / self.epochs}
                message.content[CONFIG] = type(config)(told)
        able = [m for m in sent if not (self.dropped and m.metadata.dst_node_id in late)]
        yield from self.inner.send_and_receive(able, timeout=timeout)
        for message in sent if self.dropped else ():
            if (epochs := late.get(message.metadata.dst_node_id)) is not None:
                reason = f"straggler: {epochs} of {self.epochs} epochs"
                yield Message(Error(code=GONE, reason=reason), reply_to=message)

    def _late(self, sent: list[Message]) -> dict[int, int]:
        """Node to the epochs that it manages."""
        if not sent or sent[0].metadata.message_type != TRAIN:
            return {}
        number = int(sent[0].content[CONFIG]["server-round"])
        rng = generator(self.seed, "straggle", number)
        count = len(sent) - round(len(sent) * (1 - self.share))
        chosen = rng.permutation(len(sent))[:count]
        return {
            sent[i].metadata.dst_node_id: int(rng.integers(1, self.epochs)) for i in sorted(chosen)
        }
