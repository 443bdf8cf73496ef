"""A Ray cluster on this machine: python ray_cluster.py NODES. Each node has one CPU.

Says its address and its nodes in a line of JSON, the first being the one that a build connects to; kills the node whose
id it reads, with SIGKILL; ends with its input.
"""

import json
import sys

from ray.cluster_utils import Cluster


def main(num_nodes: str) -> None:
    cluster = Cluster()
    nodes = [cluster.add_node(num_cpus=1, include_dashboard=False) for _ in range(int(num_nodes))]
    by_id = {node._node_id: node for node in nodes}
    say(json.dumps({"address": cluster.address, "nodes": list(by_id)}))
    for line in sys.stdin:
        cluster.remove_node(by_id[line.strip()], allow_graceful=False)
        say("killed")
    cluster.shutdown()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
