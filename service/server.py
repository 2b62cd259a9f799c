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
    """The application as configured by the environment.

    If it cannot start, it logs why in one line and exits with the status that makes gunicorn stop;
    with any other status, gunicorn would start workers forever.
    """
    try:
        return create_app(ServiceConfig.from_environment(os.environ))
    except (ConfigError, SummarizerError) as error:
        logging.getLogger("gunicorn.error").critical("cannot start: %s", error)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
