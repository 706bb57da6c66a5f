"""Makes neutron's tables as they are after all migrations: ``neutron_tables.py URL``. Run by the system's Python."""

import sys

import sqlalchemy
from neutron.db.migration.models import head  # noqa: F401 - declares the tables
from neutron_lib.db import model_base

model_base.BASEV2.metadata.create_all(sqlalchemy.create_engine(sys.argv[1]))
