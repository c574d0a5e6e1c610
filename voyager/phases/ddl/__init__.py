"""Statements executed on the target, journaled, in an order that locks and crashes allow."""
