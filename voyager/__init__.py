"""Voyager moves a database to YugabyteDB: assess, migrate, verify, cut over."""

__version__ = "0.1.0"
