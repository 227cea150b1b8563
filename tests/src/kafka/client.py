"""What tests do at a broker, by clients that are not ours. `client.py BROKER COMMAND ARGUMENTS`."""

import base64
import functools
import json
import sys
import time

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

broker, command, *arguments = sys.argv[1:]
# Its log lines would be taken for results.
common = {"bootstrap.servers": broker, "log_level": 0}


@functools.cache
def admin():
    """One, since its requests end with it."""
    return AdminClient(common)


def wait(futures):
    for future in futures.values():
        future.result(60)


def ready(count):
    for _ in range(120):
        try:
            if len(admin().list_topics(timeout=2).brokers) >= int(count):
                return
        except Exception:
            pass
        time.sleep(0.25)
    sys.exit("the brokers do not answer")


def topic(name, partitions, *settings):
    config = dict(setting.split("=", 1) for setting in settings)
    replicas = int(config.pop("replicas", 1))
    new = NewTopic(name, int(partitions), replicas, config=config)
    # A topic that was deleted is there for a moment.
    for attempt in range(50):
        try:
            return wait(admin().create_topics([new]))
        except Exception:
            if attempt == 49:
                raise
            time.sleep(0.2)


def partitions(name, count):
    wait(admin().create_partitions([NewPartitions(name, int(count))]))


def delete(name):
    wait(admin().delete_topics([name]))


def delete_records(name, partition, before):
    wait(admin().delete_records([TopicPartition(name, int(partition), int(before))]))


def produce(name, codec="lz4"):
    """Lines of JSON: value (text, absent: a tombstone), or base64; key, headers, partition, timestamp."""
    settings = {
        "compression.codec": codec,
        "enable.idempotence": True,
        "message.max.bytes": 33000000,
        "linger.ms": 5,
    }
    producer = Producer(common | settings)
    failed = []
    for line in sys.stdin:
        record = json.loads(line)
        value = record.get("value")
        if "base64" in record:
            value = base64.b64decode(record["base64"])
        headers = [(key, text.encode()) for key, text in record.get("headers", [])]
        options = {name: record[name] for name in ("key", "partition", "timestamp") if name in record}
        producer.produce(
            name,
            value,
            headers=headers,
            on_delivery=lambda error, _: failed.append(error) if error else None,
            **options,
        )
        producer.poll(0)
    left = producer.flush(300)
    if failed or left:
        sys.exit(f"{left} records left, {failed[:3]}")


def produce_by_python(name):
    """Lines are values."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=broker, compression_type="gzip")
    for line in sys.stdin:
        producer.send(name, line.encode(), headers=[("by", b"python")])
    producer.flush()
    producer.close()


def transactions(name):
    """Lines are values; those that begin with `abort` are of transactions that are aborted."""
    producer = Producer(common | {"transactional.id": "tests"})
    producer.init_transactions(60)
    for line in sys.stdin:
        abort = line.startswith("abort ")
        producer.begin_transaction()
        producer.produce(name, line.removeprefix("abort ").strip())
        producer.flush()
        (producer.abort_transaction if abort else producer.commit_transaction)()


def members(group):
    """The partitions of each member by its name, as JSON; a group of any protocol."""
    # Its coordinator is not there at once.
    for attempt in range(50):
        try:
            described = admin().describe_consumer_groups([group])[group].result(60)
            break
        except Exception:
            if attempt == 49:
                raise
            time.sleep(0.2)
    partitions = lambda member: sorted(f"{it.topic}-{it.partition}" for it in member.assignment.topic_partitions)
    print(json.dumps({member.group_instance_id: partitions(member) for member in described.members}))


def committed(group, name):
    """The sum of the offsets of a group."""
    request = [ConsumerGroupTopicPartitions(group)]
    found = next(iter(admin().list_consumer_group_offsets(request).values())).result(30)
    print(sum(place.offset for place in found.topic_partitions if place.topic == name))


globals()[command](*arguments)
