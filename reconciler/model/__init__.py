"""Frozen data that every room shares. No input or output, no clock, no globals."""
