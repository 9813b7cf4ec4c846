"""Operates master and agent over gRPC, with nothing but what they tell of themselves by reflection."""

import json
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

PATIENCE = 60


class Server:
    """A server of which nothing is known but its address."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = DescriptorPool(self.database)

    def methods(self, service):
        """The methods of a service: `stream` where many answers come."""
        found = self.pool.FindServiceByName(service).methods_by_name.items()
        return {name: "stream" if one.server_streaming else "unary" for name, one in found}

    def call(self, service, name, **fields):
        """Makes a call of the type that the method takes."""
        found = self.pool.FindServiceByName(service).methods_by_name[name]
        request, response = GetMessageClass(found.input_type), GetMessageClass(found.output_type)
        kind = self.channel.unary_stream if found.server_streaming else self.channel.unary_unary
        made = kind(
            f"/{service}/{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        return made(request(**fields), timeout=PATIENCE)


def kind_of(message):
    """The name of the type of an event."""
    return message.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[message.type].name


def of_master(server):
    service = "mesos.v1.grpc.Master"
    agents = server.call(service, "Invoke", type="GET_AGENTS").get_agents.agents
    events = server.call(service, "Subscribe", type="SUBSCRIBE")
    first = next(events)
    snapshot = first.subscribed.get_state.get_agents.agents
    server.call(
        service,
        "Invoke",
        type="UPDATE_WEIGHTS",
        update_weights={"weight_infos": [{"role": "eng", "weight": 2.5}]},
    )
    weights = server.call(service, "Invoke", type="GET_WEIGHTS").get_weights.weight_infos
    second = next(events)
    events.cancel()
    refused = None
    try:
        server.call(service, "Invoke", type="READ_FILE")
    except grpc.RpcError as error:
        refused = [error.code().name, error.details()]
    return {
        "methods": server.methods(service),
        "agents": [agent.agent_info.hostname for agent in agents],
        "events": [kind_of(first), kind_of(second)],
        "subscribed": [agent.agent_info.hostname for agent in snapshot],
        "weights": [[info.role, info.weight] for info in weights],
        "refused": refused,
    }


def of_agent(server):
    service = "mesos.v1.grpc.Agent"
    info = server.call(service, "Invoke", type="GET_AGENT").get_agent.agent_info
    return {"methods": server.methods(service), "hostname": info.hostname}


def main():
    master, agent = Server(sys.argv[1]), Server(sys.argv[2])
    services = [sorted(server.database.get_services()) for server in (master, agent)]
    print(
        json.dumps(
            {"services": services, "master": of_master(master), "agent": of_agent(agent)}
        )
    )


main()
