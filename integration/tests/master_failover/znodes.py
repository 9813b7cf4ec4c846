"""Prints the tree of ZooKeeper below a node, in the form of the recordings."""

import json
import sys

from kazoo.client import KazooClient

address, top = sys.argv[1:]
client = KazooClient(hosts=address)
client.start()
tree = {}


def visit(path):
    data, stat = client.get(path)
    tree[path] = {"data": (data or b"").decode(), "ephemeral": stat.ephemeralOwner != 0}
    for child in sorted(client.get_children(path)):
        visit(f"{path}/{child}")


visit(top)
client.stop()
json.dump(tree, sys.stdout)
