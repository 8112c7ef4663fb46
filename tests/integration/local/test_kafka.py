"""The embedded broker: a real one, and what it keeps."""

from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import UnknownTopicOrPartitionError

from infra.errors import CannotStart
from infra.local.kafka.embedded import MESSAGE_MAX_BYTES, EmbeddedKafka
from infra.local.processes.ports import free_ports
from infra.local.processes.process import Child
from infra.settings import KafkaSettings, LocalSettings
from tests.support.stack import RunningKafka, a_kafka


def create(bootstrap_servers: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": str(MESSAGE_MAX_BYTES)})])
    admin.close()


def send(bootstrap_servers: str, topic: str, value: bytes) -> int:
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", max_request_size=MESSAGE_MAX_BYTES)
    offset = producer.send(topic, value).get(45).offset
    producer.close()
    return int(offset)


def read_all(bootstrap_servers: str, topic: str) -> list[bytes]:
    consumer, place = KafkaConsumer(bootstrap_servers=bootstrap_servers), TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    end = consumer.end_offsets([place])[place]
    values: list[bytes] = []
    while consumer.position(place) < end:
        values += [record.value for record in consumer.poll(timeout_ms=1000).get(place, [])]
    consumer.close()
    return values


def test_what_was_acknowledged_survives_sigkill_and_a_restart(own_kafka: RunningKafka) -> None:
    servers = own_kafka.bootstrap_servers
    create(servers, "kept")
    send(servers, "kept", b"before")

    own_kafka.kill()
    own_kafka.start()

    assert send(servers, "kept", b"after") == 1
    assert read_all(servers, "kept") == [b"before", b"after"]


def test_a_folder_with_a_space_in_its_name_will_do(tmp_path: Path) -> None:
    part = a_kafka(tmp_path / "my checkout")

    part.start()

    assert (tmp_path / "my checkout" / "kafka" / "data" / "meta.properties").exists()
    part.stop()


def test_storage_is_formatted_once_and_may_move_to_other_ports(own_kafka: RunningKafka, tmp_path: Path) -> None:
    identity = (tmp_path / "kafka" / "data" / "meta.properties").read_text()
    create(own_kafka.bootstrap_servers, "kept")
    own_kafka.stop()

    port, controller_port = free_ports(2)
    moved = EmbeddedKafka(tmp_path / "kafka", port, controller_port, LocalSettings())
    child = Child(moved.prepare())
    child.wait_ready()

    try:
        assert send(moved.address, "kept", b"still here") == 0
        assert (tmp_path / "kafka" / "data" / "meta.properties").read_text() == identity
    finally:
        child.wait_stopped()


def test_a_misspelt_topic_is_not_created(kafka_settings: KafkaSettings) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka_settings.bootstrap_servers)

    described = admin.describe_topics([kafka_settings.topic_prefix + "promts"])

    admin.close()
    assert [topic["error_code"] for topic in described] == [UnknownTopicOrPartitionError.errno]


def test_a_record_of_nearly_four_mebibytes_passes(kafka_settings: KafkaSettings) -> None:
    topic = kafka_settings.topic_prefix + "large"
    create(kafka_settings.bootstrap_servers, topic)

    assert send(kafka_settings.bootstrap_servers, topic, bytes(MESSAGE_MAX_BYTES - 1024)) == 0


def test_a_taken_port_is_said_with_its_reason_and_a_way_out(kafka: RunningKafka, tmp_path: Path) -> None:
    taken = int(kafka.bootstrap_servers.rpartition(":")[2])
    broker = EmbeddedKafka(tmp_path / "kafka", taken, free_ports(1)[0], LocalSettings())
    command = broker.prepare()

    with pytest.raises(CannotStart, match=f"Kafka cannot start: port {taken} is taken") as refused:
        Child(command)

    assert "What to do:" in str(refused.value)


def test_damaged_storage_is_said_with_its_reason_and_a_way_out(tmp_path: Path) -> None:
    port, controller_port = free_ports(2)
    broker = EmbeddedKafka(tmp_path / "kafka", port, controller_port, LocalSettings())
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    child = Child(broker.prepare())

    with pytest.raises(CannotStart) as refused:
        child.wait_ready()

    assert "No readable meta.properties files found" in str(refused.value)
    assert "HEADRACE_KAFKA__BOOTSTRAP_SERVERS" in str(refused.value)
