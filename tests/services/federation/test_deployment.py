"""Real SuperLinks and SuperNodes over TLS on the loopback address: what works, and what is refused.

What rounds must end in comes from the same rounds in process (LocalGrid): the two ways share the
apps and nothing else.
"""

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.server import Server
from services.federation.certificates import make, make_node_key
from services.federation.deployment import Deployment
from services.federation.digits import write_digits
from services.federation.federation import read_federation
from services.federation.journal import DeploymentError
from services.federation.learners import load_learner
from services.federation.memory import read_weights
from services.federation.process import Service, free_port
from services.federation.rounds import read_rounds
from services.federation.superlink import SuperLink
from services.federation.supernode import Node, SuperNode

pytestmark = pytest.mark.slow
PATIENCE = 150.0
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def in_process(federation):
    """Digests of the weights after every round."""
    people, found = [load_learner(path) for path in federation.partitions], []
    app = client_app(lambda context: people[int(context.node_config["partition-id"])])
    server = Server(
        federation.plan,
        federation.initial,
        clients=len(people),
        on_round=lambda r: found.append(digest(r.arrays)),
    )
    server.run(LocalGrid(app, len(people)))
    return found


def left_over(folder):
    """Processes that know the folder of a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and str(folder) in process.environ().get("FLWR_HOME", ""):
                found.append(process.cmdline())
        except psutil.Error:
            continue
    return found


def kinds(deployment):
    lines = (deployment.folder / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["kind"] for line in lines]


@contextmanager
def when(condition, action):
    """Do something as soon as a condition holds, beside what runs in this thread."""
    import threading

    over = threading.Event()

    def wait():
        while not over.is_set():
            if condition():
                action()
                return
            time.sleep(0.1)

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_deployed_rounds_end_where_rounds_in_process_do_and_leave_nothing_behind(tmp_path):
    federation = write_digits(tmp_path / "federation", nodes=3, rounds=2, seed=7)
    with Deployment(tmp_path / "run", federation) as deployment:
        lines = deployment.run()
        assert left_over(tmp_path)
    assert [line["digest"] for line in lines] == in_process(federation)
    weights = read_weights(tmp_path / "run" / "results" / "weights.safetensors")
    assert digest(weights) == lines[-1]["digest"]
    assert [len(line["parts"]) for line in lines] == [3, 3]
    assert all(not line["events"] for line in lines)
    assert left_over(tmp_path) == []


def test_a_superlink_killed_in_mid_round_comes_back_and_ends_in_the_same_weights(tmp_path):
    """With SCAFFOLD, whose clients keep something from round to round."""
    federation = write_digits(
        tmp_path / "federation", nodes=2, rounds=3, seed=3, strategy="scaffold"
    )
    with Deployment(tmp_path / "run", federation) as deployment:
        link = deployment.link()
        before = link.process.pid

        def in_second_round():
            return len(read_rounds(deployment.results)) == 1

        def kill():
            time.sleep(2)  # the nodes are at work
            os.kill(before, signal.SIGKILL)

        with when(in_second_round, kill):
            lines = deployment.run()
        assert link.process.pid != before
    assert {"superlink_lost", "resumed", "finished"} <= set(kinds(deployment))
    assert [line["round"] for line in lines] == [1, 2, 3]
    assert [line["digest"] for line in lines] == in_process(federation)
    assert left_over(tmp_path) == []


def test_two_nodes_that_claim_one_partition_and_a_node_without_registered_key(tmp_path):
    federation = write_digits(tmp_path / "federation", nodes=2, rounds=2, seed=7)
    with Deployment(tmp_path / "run", federation) as deployment:
        stranger = deployment.add_node("stranger", 1, federation.partitions[1], registered=False)
        with pytest.raises(DeploymentError, match=r"node_refused: stranger: .*stranger\.pub reg"):
            stranger.wait()
        deployment.add_node("twin", 0, federation.partitions[0]).wait()
        lines = deployment.run()
    for line in lines:
        assert [part["partition"] for part in line["parts"]] == [1]
        assert [event["kind"] for event in line["events"]] == ["duplicate_identity"]
        assert "2 nodes claim partition 0" in line["events"][0]["detail"]


def test_a_run_goes_on_without_a_node_that_dies_and_with_a_worker_that_died(tmp_path):
    federation = write_digits(tmp_path / "federation", nodes=3, rounds=4, seed=7, seconds=15.0)
    with Deployment(tmp_path / "run", federation) as deployment:
        lost, hurt = deployment.nodes[2], deployment.nodes[1]

        def harm():
            lost.kill()
            hurt.helpers[0].kill()

        with when(lambda: len(read_rounds(deployment.results)) == 1, harm):
            lines = deployment.run()
    assert {"node_lost", "worker_lost", "finished"} <= set(kinds(deployment))
    assert len(lines[0]["parts"]) == 3
    last = lines[-1]
    assert [part["partition"] for part in last["parts"]] == [0, 1]
    said = {event["kind"] for line in lines for event in line["events"]}
    assert said <= {"timeout", "client_error"}
    assert said


@pytest.mark.parametrize(
    ("kind", "flaw"), [("certificate_expired", "old"), ("certificate_foreign", "other")]
)
def test_a_node_does_not_talk_to_a_superlink_with_a_bad_certificate(tmp_path, kind, flaw):
    """The node says why; and Flower's own program, which asks nobody, does not connect either."""
    good = make(tmp_path / "good", ["127.0.0.1"])
    bad = make(tmp_path / flaw, ["127.0.0.1"], **({"now": LONG_AGO} if flaw == "old" else {}))
    trusted = bad if flaw == "old" else good
    data = write_digits(tmp_path / "f", nodes=1, rounds=1, seed=1).partitions[0]
    link = SuperLink(tmp_path / "link", bad, free_port())
    node = SuperNode(
        Node("node-0", 0, data, make_node_key(tmp_path / "keys", "node-0")),
        tmp_path / "node",
        link.address,
        trusted.authority,
    )
    try:
        Service.start(link)  # past our own check, which would refuse an expired one
        await_line(link, "Uvicorn running")
        with pytest.raises(DeploymentError, match=kind):
            node.start()
        node.start(check=False)
        with pytest.raises(DeploymentError, match=r"node_refused: .*CERTIFICATE_VERIFY_FAILED"):
            node.wait()
    finally:
        node.stop()
        link.stop()


def test_a_superlink_with_an_expired_certificate_is_not_started(tmp_path):
    link = SuperLink(
        tmp_path / "link", make(tmp_path / "c", ["127.0.0.1"], now=LONG_AGO), free_port()
    )
    with pytest.raises(DeploymentError, match="certificate_expired"):
        link.start()
    assert link.process is None


COMMAND = """
import sys, typer
from cairn.federate_deploy import deploy
typer.run(deploy)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_command_leaves_nothing_behind_when_it_is_stopped_and_can_go_on(tmp_path, number):
    command = [sys.executable, "-c", COMMAND, "--nodes", "2", "--rounds", "3"]
    process = subprocess.Popen(
        [*command, "--output", str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if line.startswith("round 1:"):
            break
    assert any(line.startswith("superlink_up: at 127.0.0.1:") for line in told)
    assert left_over(tmp_path)
    process.send_signal(number)
    process.wait(PATIENCE)
    await_end(tmp_path)
    federation = read_federation(tmp_path / "run" / "federation")
    with Deployment(tmp_path / "run", federation) as deployment:  # the same folder: it goes on
        lines = deployment.run()
    assert "resumed" in kinds(deployment)
    assert [line["digest"] for line in lines] == in_process(federation)


def test_hosts_can_be_set_up_with_the_commands_of_the_page(tmp_path):
    """docs/federated-deployment.md, with every host on the loopback address."""
    federation = write_digits(tmp_path / "federation", nodes=2, rounds=1, seed=7)
    certs, port = tmp_path / "certs", free_port()
    address, authority = f"localhost:{port}", str(certs / "ca.crt")

    def python(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", *arguments], capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    python("services.federation.certificates", str(certs), "--host", "localhost", "--nodes", "2")
    link = ["flower-superlink", "--host", "127.0.0.1", "--port", str(port)]
    link += ["--database", str(tmp_path / "state.db"), "--enable-supernode-auth"]
    link += ["--ssl-ca-certfile", authority, "--ssl-certfile", str(certs / "server.crt")]
    link += ["--ssl-keyfile", str(certs / "server.key"), "--isolation", "subprocess"]
    link += ["--disable-runtime-dependency-installation"]
    services = [Service("superlink", link, tmp_path / "superlink")]
    for number, data in enumerate(federation.partitions):
        node = [sys.executable, "-m", "services.federation.supernode", "--superlink", address]
        node += ["--authority", authority, "--key", str(certs / f"node-{number}.key")]
        node += ["--partition", str(number), "--data", str(data)]
        node += ["--folder", str(tmp_path / f"node-{number}")]
        services.append(Service("node", node, tmp_path / f"host-{number}"))
    common = ["services.federation.submit", "--superlink", address, "--authority", authority]
    try:
        services[0].start()
        await_line(services[0], "Uvicorn running")
        keys = [f"--register={certs / f'node-{number}.pub'}" for number in range(2)]
        assert python(*common, *keys).count(": node ") == 2
        for service in services[1:]:
            service.start()
        for service in services[1:]:
            await_line(service, "is connected")
        told = python(
            *common,
            *("--federation", str(tmp_path / "federation")),
            *("--results", str(tmp_path / "results")),
        )
    finally:
        for service in reversed(services):
            service.stop()
    assert "round 1: 2 clients" in told
    assert [line["digest"] for line in read_rounds(tmp_path / "results")] == in_process(federation)
    await_end(tmp_path)


def await_end(folder):
    """Programs whose parent was killed take a moment to notice."""
    until = time.monotonic() + PATIENCE
    while left_over(folder) and time.monotonic() < until:
        time.sleep(0.2)
    assert left_over(folder) == []


def await_line(service, text):
    until = time.monotonic() + PATIENCE
    while text not in service.said():
        assert service.running, service.last()
        assert time.monotonic() < until, service.last()
        time.sleep(0.2)
