"""What keeps a stack from filling the disk: old records go, unanswered prompts never do, logs are put aside."""

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.structs import OffsetAndMetadata

from infra import kafka
from infra.errors import CannotStart
from infra.local.housekeeping import cut_logs, drop_what_is_done, keep_tidy
from infra.local.room import free_bytes, refuse_full_disk, taken
from infra.settings import KafkaSettings, LocalSettings
from producers.events import LANES
from producers.prompts.dropping import ANSWERED_BY, drop_those_done
from producers.topics import prompts
from stream_workers.inference.service import GROUP
from tests.support.eventually import eventually


def fill(settings: KafkaSettings, topic: str, *, answered: int) -> TopicPartition:
    """A topic with ten records, of which the workers are done with the first few."""
    servers, place = settings.bootstrap_servers, TopicPartition(f"{settings.topic_prefix}{topic}", 0)
    with closing(kafka.admin(settings)) as admin:
        admin.create_topics([NewTopic(place.topic, 1, 1)])
    with closing(KafkaProducer(bootstrap_servers=servers, acks="all")) as producer:
        for number in range(10):
            producer.send(place.topic, str(number).encode()).get(10)
    with closing(KafkaConsumer(bootstrap_servers=servers, group_id=f"{settings.topic_prefix}worker")) as worker:
        worker.assign([place])
        worker.commit({place: OffsetAndMetadata(answered, "", -1)})
    return place


def kept(settings: KafkaSettings, place: TopicPartition) -> list[bytes]:
    """The records that the broker still has."""
    options = {"auto_offset_reset": "earliest", "consumer_timeout_ms": 1000}
    with closing(KafkaConsumer(bootstrap_servers=settings.bootstrap_servers, **options)) as consumer:
        consumer.assign([place])
        return [record.value for record in consumer]


def test_prompts_that_are_done_are_dropped_and_those_that_wait_are_kept(kafka_settings: KafkaSettings) -> None:
    asked = fill(kafka_settings, "prompts.standard", answered=6)
    answers = fill(kafka_settings, "answers", answered=6)

    drop_what_is_done(kafka_settings)

    assert kept(kafka_settings, asked) == [b"6", b"7", b"8", b"9"]
    assert len(kept(kafka_settings, answers)) == 10


def test_without_a_worker_nothing_is_dropped(kafka_settings: KafkaSettings) -> None:
    assert drop_those_done(kafka_settings) == {}


def test_who_answers_prompts_is_the_group_of_the_workers() -> None:
    assert ANSWERED_BY == GROUP
    assert all(ANSWERED_BY in prompts(lane).read_by for lane in LANES)


def test_the_broker_cuts_partitions_by_size_but_never_those_of_prompts(log_settings: KafkaSettings) -> None:
    topics = ("prompts.batch", "answers")
    names = [f"{log_settings.topic_prefix}{topic}" for topic in topics]
    with closing(kafka.admin(log_settings)) as admin:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        told = admin.describe_configs(resources, config_filter="all")["topic"]

    limits = [int(told[name]["retention.bytes"]["value"]) for name in names]
    assert limits == [-1, LocalSettings().kafka_max_bytes // 40]
    assert int(told[names[1]]["segment.bytes"]["value"]) * 4 <= limits[1]


def test_a_log_that_has_grown_too_large_is_put_aside_and_written_on(tmp_path: Path) -> None:
    large, small = tmp_path / "large.log", tmp_path / "small.log"
    small.write_text("few words\n")
    with large.open("a") as process:
        process.write("many words\n" * 200)
        process.flush()

        cut_logs([large, small], max_bytes=1000)
        process.write("more words\n")

    assert large.read_text() == "more words\n"
    assert (tmp_path / "large.log.1").read_text() == "many words\n" * 200
    assert small.read_text() == "few words\n"


async def test_a_running_stack_is_kept_tidy_and_a_disk_that_gets_full_is_told_once(tmp_path: Path) -> None:
    local = LocalSettings(dir=tmp_path, min_free_bytes=10**15, log_max_bytes=1000)
    log, told = tmp_path / "logs" / "gateway.log", list[str]()
    log.parent.mkdir()
    log.write_text("many words\n" * 200)
    foreign = log.with_name("theirs.log")
    foreign.write_text("many words\n" * 200)

    tidying = asyncio.create_task(keep_tidy(local, [log], None, told.append, look_every_s=0.01))
    await eventually(lambda: log.stat().st_size == 0 and bool(told))
    log.write_text("many words\n" * 200)
    await eventually(lambda: log.stat().st_size == 0)
    tidying.cancel()

    assert foreign.read_text() == "many words\n" * 200
    assert len(told) == 1
    assert "when it is full, prompts are refused" in told[0]


def test_a_start_on_a_nearly_full_disk_is_refused_with_a_way_out(tmp_path: Path) -> None:
    local = LocalSettings(dir=tmp_path / "not" / "yet", cache_dir=tmp_path)
    refuse_full_disk(replace(local, min_free_bytes=free_bytes(tmp_path) // 2))

    with pytest.raises(CannotStart, match=r"the stack cannot start: the disk of .*yet has [\d,]+ MB free") as refused:
        refuse_full_disk(replace(local, min_free_bytes=10**15))

    assert "HEADRACE_LOCAL__MIN_FREE_BYTES" in str(refused.value)
    assert not local.dir.exists()


def test_what_each_part_takes_is_told_with_its_limit(tmp_path: Path) -> None:
    (tmp_path / "data" / "kafka").mkdir(parents=True)
    (tmp_path / "data" / "kafka" / "segment").write_bytes(bytes(100_000))

    told = {each.name: each for each in taken(LocalSettings(dir=tmp_path / "data", cache_dir=tmp_path / "cache"))}

    assert told["kafka"].taken_bytes >= 100_000
    assert told["kafka"].limit_bytes == LocalSettings().kafka_max_bytes
    assert set(told) == {"kafka", "redis", "clickhouse", "logs", "downloads"}
