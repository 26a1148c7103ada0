"""Rows of a table: what is checked, and what is not, with the reason."""

from checks import aws, refused

ROWS = []


def row(name, only_in_part=None):
    def add(function):
        ROWS.append((name, function, only_in_part))
        return function

    return add


def not_checked(name, reason, *operations):
    """A row that nothing here can say anything about. Operations that AWS has and the sandbox does not are refused as
    unknown ones: it never pretends."""

    def never_pretends():
        for service, operation, arguments in operations:
            refused("UnknownOperationException", getattr(aws(service), operation), **arguments)

    ROWS.append((name, never_pretends, reason))
