"""What a stage cannot go on with: the input is wrong, not the program."""


class TrainingError(Exception):
    """An input of a stage cannot be used; the message says which, why, and what to do."""
