"""Schedules one task over gRPC, with nothing but what the server tells of itself by reflection."""

import json
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SCHEDULER = "mesos.v1.grpc.Scheduler"
PATIENCE = 60

channel = grpc.insecure_channel(sys.argv[1])
database = ProtoReflectionDescriptorDatabase(channel)
pool = DescriptorPool(database)


def method(service, name):
    """A callable for a method, with the class of its request."""
    found = pool.FindServiceByName(service).methods_by_name[name]
    request, response = GetMessageClass(found.input_type), GetMessageClass(found.output_type)
    kind = channel.unary_stream if found.server_streaming else channel.unary_unary
    call = kind(
        f"/{service}/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return call, request


def main():
    health = health_pb2_grpc.HealthStub(channel)
    status = health.Check(health_pb2.HealthCheckRequest(service=SCHEDULER), timeout=PATIENCE)
    result = {"services": sorted(database.get_services()), "health": status.status, "states": []}

    invoke, operator_call = method("mesos.v1.grpc.Master", "Invoke")
    version = operator_call(type="GET_VERSION")
    result["version"] = invoke(version, timeout=PATIENCE).get_version.version_info.version

    subscribe, call = method(SCHEDULER, "Subscribe")
    send, _ = method(SCHEDULER, "Send")
    subscription = call(type="SUBSCRIBE")
    subscription.subscribe.framework_info.user = "root"
    subscription.subscribe.framework_info.name = "python"
    events = subscribe(subscription, timeout=PATIENCE)
    metadata = [pair for pair in events.initial_metadata() if pair[0] == "mesos-stream-id"]
    framework = next(events).subscribed.framework_id

    try:
        send(call(type="REVIVE", framework_id=framework), timeout=PATIENCE)
    except grpc.RpcError as error:
        result["refused"] = [error.code().name, error.details()]

    for event in events:
        if event.offers.offers and not result["states"]:
            offer = event.offers.offers[0]
            accept = call(type="ACCEPT", framework_id=framework)
            accept.accept.offer_ids.append(offer.id)
            task = accept.accept.operations.add(type="LAUNCH").launch.task_infos.add(name="python")
            task.task_id.value = "python"
            task.agent_id.CopyFrom(offer.agent_id)
            task.command.value = "echo hello"
            for name, amount in [("cpus", 0.1), ("mem", 32)]:
                task.resources.add(name=name, type="SCALAR").scalar.value = amount
            send(accept, metadata=metadata, timeout=PATIENCE)
        if event.HasField("update"):
            status = event.update.status
            names = type(status).DESCRIPTOR.fields_by_name["state"].enum_type.values_by_number
            result["states"].append(names[status.state].name)
            if status.uuid:
                acknowledge = call(type="ACKNOWLEDGE", framework_id=framework)
                acknowledge.acknowledge.agent_id.CopyFrom(status.agent_id)
                acknowledge.acknowledge.task_id.CopyFrom(status.task_id)
                acknowledge.acknowledge.uuid = status.uuid
                send(acknowledge, metadata=metadata, timeout=PATIENCE)
            if result["states"][-1] == "TASK_FINISHED":
                break
    teardown = call(type="TEARDOWN", framework_id=framework)
    send(teardown, metadata=metadata, timeout=PATIENCE)
    print(json.dumps(result))


main()
