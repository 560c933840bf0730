"""The one exception that users meet: a single clear line that says what is wrong and what to do."""


class UserError(Exception):
    """What the user gave cannot be used. The command line prints it as one line and exits with `exit_code`.

    Args:
        message: names the thing, its shape or value, and what to do about it.
        exit_code: 2 for bad input (the default), 1 for a negative answer to a well-formed question.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def missing_extra(feature: str, module: str, extra: str) -> UserError:
    """The error for an optional library that is not installed.

    Args:
        feature: what the user asked for, e.g. "training".
        module: the library that is missing, e.g. "torch".
        extra: the extra of this package that brings it, e.g. "train".
    """
    return UserError(f"{feature} needs {module}, which is not installed: pip install 'depthwise[{extra}]'")
