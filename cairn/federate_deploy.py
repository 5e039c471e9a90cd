"""`cairn federate deploy`: federated rounds between real processes, over TLS, on this machine."""

from cairn.federate_choice import (
    Given,
    Head,
    Nodes,
    Output,
    Rounds,
    Seed,
    chosen,
    new_folder,
    summary,
    tell,
)


def deploy(
    nodes: Nodes = None,
    rounds: Rounds = None,
    seed: Seed = None,
    head: Head = None,
    federation: Given = None,
    output: Output = None,
) -> None:
    """Start a SuperLink and SuperNodes over TLS, run the rounds, and stop everything.

    Certificates and node keys are made on the spot; ports are free ones of 127.0.0.1. Ctrl-C stops
    all processes; give --output again to go on.
    """
    from services.federation.deployment import Deployment
    from services.federation.journal import DeploymentError
    from tasks.environment import prepare
    from tasks.errors import CairnError

    prepare()
    folder = output or new_folder("deployments")
    found = chosen(folder, federation, nodes, rounds, seed, head)
    try:
        with Deployment(folder, found, tell=tell) as deployment:
            lines = deployment.run()
    except DeploymentError as error:
        raise CairnError(str(error)) from None
    print(summary(lines))
