"""Every topic is whole: schema, examples, writers and readers that there are, a place in the documents."""

from analytics.ingest import progress
from producers import contracts
from producers.log.topics import GROUPS, TOPICS, VIEWS
from stream_workers.inference import service as worker
from tests.house.test_commands import PROCESSES
from tests.support.house import ROOT

# Who writes or reads besides our processes.
OTHERS = {"trusted services", "command line", "operators", "export"}


def test_every_topic_has_schema_and_examples() -> None:
    for each in TOPICS:
        assert contracts.schema_path(each).exists(), each.name
        assert list(contracts.examples(each)), each.name


def test_who_writes_and_reads_a_topic_is_a_process_of_ours_or_named_as_another() -> None:
    for topic in TOPICS:
        strangers = {*topic.written_by, *topic.read_by} - set(PROCESSES) - OTHERS
        assert strangers == set(), topic.name


def test_of_every_reader_it_is_known_where_it_keeps_its_positions_or_that_it_keeps_none() -> None:
    readers = {each for topic in TOPICS if not topic.compacted for each in topic.read_by}

    assert readers - OTHERS == {*VIEWS, *GROUPS}
    assert {worker.GROUP, progress.GROUP} == set(GROUPS)


def test_every_topic_and_event_is_in_the_documents() -> None:
    text = (ROOT / "docs" / "contracts.md").read_text()

    for each in TOPICS:
        assert f"| `{each.name}` |" in text
