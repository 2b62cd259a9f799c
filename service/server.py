"""What gunicorn runs in each worker.

``gunicorn --config service/gunicorn.conf.py 'service.server:app()'``
"""

import logging
import os
import sys

from flask import Flask
from gunicorn.arbiter import Arbiter

from service import create_app
from service.config import ConfigError, ServiceConfig
from summarizer import SummarizerError


def app() -> Flask:
    """The application as the environment configures it.

    Where it cannot start, it says so in one line and exits with the status that makes gunicorn stop;
    with any other, gunicorn would start workers for ever.
    """
    try:
        return create_app(ServiceConfig.from_environment(os.environ))
    except (ConfigError, SummarizerError) as error:
        logging.getLogger("gunicorn.error").critical("cannot start: %s", error)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
