"""What a SuperNode runs, in a new process for every message: it must stay free of torch."""

from models.federated.client import client_app
from services.federation.proxy import learner_of
from services.federation.settings import planned

app = client_app(learner_of, mods=[planned])
