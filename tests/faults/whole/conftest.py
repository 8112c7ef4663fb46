"""The whole service, once for the files of this folder that ask for it."""

from tests.support.whole import running_service, service

__all__ = ["running_service", "service"]
