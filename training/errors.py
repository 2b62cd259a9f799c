"""Errors in the input of a stage, not in the program."""


class TrainingError(Exception):
    """An input of a stage cannot be used; the message says which, why, and what to do."""
