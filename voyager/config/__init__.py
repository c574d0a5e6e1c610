"""One resolved configuration: flag, else environment, else file, else what was saved, else default."""

from voyager.config.config import Config, Value, resolve

__all__ = ["Config", "Value", "resolve"]
