"""The client for programs without an event loop: the same calls, each of which waits; for any thread, and notebooks."""

from gateway.client.conversations import AsyncConversations, AsyncReports
from gateway.client.headrace import AsyncHeadrace
from gateway.client.jobs import AsyncJobs
from infra.blocking import Waiting, WaitingResource, given_as, iterates, waits


class Jobs(Waiting[AsyncJobs]):
    """`AsyncJobs`, call by call; what is given to be called is called from the client's own thread."""

    submit = waits(AsyncJobs.submit)
    submit_body = waits(AsyncJobs.submit_body)
    get = waits(AsyncJobs.get)
    list = waits(AsyncJobs.list)
    events = iterates(AsyncJobs.events)
    follow = iterates(AsyncJobs.follow)
    stream = iterates(AsyncJobs.stream)
    wait = waits(AsyncJobs.wait)
    answer = waits(AsyncJobs.answer)
    cancel = waits(AsyncJobs.cancel)
    feedback = waits(AsyncJobs.feedback)
    timeline = waits(AsyncJobs.timeline)
    models = waits(AsyncJobs.models)
    first_model = waits(AsyncJobs.first_model)


class Conversations(Waiting[AsyncConversations]):
    """`AsyncConversations`, call by call."""

    create = waits(AsyncConversations.create)
    get = waits(AsyncConversations.get)
    list = waits(AsyncConversations.list)
    items = waits(AsyncConversations.items)
    add = waits(AsyncConversations.add)
    item = waits(AsyncConversations.item)
    delete_item = waits(AsyncConversations.delete_item)
    export = iterates(AsyncConversations.export)
    update = waits(AsyncConversations.update)
    delete = waits(AsyncConversations.delete)


class Reports(Waiting[AsyncReports]):
    """`AsyncReports`, call by call."""

    list = waits(AsyncReports.list)
    get = waits(AsyncReports.get)


class Headrace(WaitingResource[AsyncHeadrace]):
    """A client of one gateway: `with Headrace() as headrace`. See `AsyncHeadrace`; one may serve many threads."""

    @given_as(AsyncHeadrace)
    def __init__(self, behind: AsyncHeadrace) -> None:
        super().__init__("headrace-client", behind)
        self.jobs = Jobs(self._loop, behind.jobs)
        self.conversations = Conversations(self._loop, behind.conversations)
        self.reports = Reports(self._loop, behind.reports)
