"""The errors this package raises on purpose.

Each is one line that says what is wrong and what to do next. The command line prints that line and
exits with 1; from Python, `except NarouGenError` catches them all.
"""


class NarouGenError(Exception):
    """Base class: `str(error)` is one line for a person."""


class ConfigError(NarouGenError):
    """A config file, or a `--set` value, that cannot be used."""


class DataError(NarouGenError):
    """A data source that cannot be read, or that holds nothing to use."""


class ModelError(NarouGenError):
    """A base model that is not there or does not fit the config."""


class CheckpointError(NarouGenError):
    """A checkpoint folder that is missing, incomplete or of another kind."""


class InputError(NarouGenError):
    """A text or an option that no title can be made from."""


class MissingPackageError(NarouGenError):
    """An optional package that the config asks for and the environment lacks."""
