"""`demo`: a whole migration between two private servers, by the real commands, checked by SQL of its own."""

from voyager.demo.driver import run_demo, stop_demo
from voyager.demo.sample import create_sample

__all__ = ["create_sample", "run_demo", "stop_demo"]
