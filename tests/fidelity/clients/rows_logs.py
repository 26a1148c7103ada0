"""CloudWatch Logs, as AWS answers where emulators do not."""

from checks import GROUP, aws, put_lines, refused
from rows import not_checked, row


@row("FilterLogEvents [existing, missing]")
def a_missing_stream_is_an_error():
    put_lines("filtered/a", ["one"])
    refused("ResourceNotFoundException", aws("logs").filter_log_events, logGroupName=GROUP,
            logStreamNames=["filtered/a", "filtered/none"])


@row("names + prefix / 101 names")
def names_or_prefix():
    ask = aws("logs").filter_log_events
    both = {"logStreamNames": ["filtered/b"], "logStreamNamePrefix": "filtered"}
    refused("InvalidParameterException", ask, logGroupName=GROUP, **both)
    many = [f"filtered/{number}" for number in range(101)]
    refused("InvalidParameterException", ask, logGroupName=GROUP, logStreamNames=many)


@row("FilterLogEvents limit / nextToken")
def filter_log_events_pages():
    put_lines("cut/a", [str(number) for number in range(5)])
    first = aws("logs").filter_log_events(logGroupName=GROUP, logStreamNamePrefix="cut/", limit=4)
    assert len(first["events"]) == 4, first
    rest = aws("logs").filter_log_events(
        logGroupName=GROUP, logStreamNamePrefix="cut/", limit=4, nextToken=first["nextToken"]
    )
    assert [event["message"] for event in rest["events"]] == ["4"] and "nextToken" not in rest, rest


@row("eventId")
def event_ids_are_unique():
    for stream in ("ids/a", "ids/b"):
        put_lines(stream, ["same"] * 20)
    found = [
        [event["eventId"] for event in aws("logs").filter_log_events(
            logGroupName=GROUP, logStreamNamePrefix="ids/"
        )["events"]]
        for _ in range(2)
    ]
    assert len(set(found[0])) == 40 and found[0] == found[1], found


not_checked("startFromHead=false", "FilterLogEvents is always read from its head by the product, and by the sandbox")


@row("GetLogEvents end")
def the_end_is_the_same_token():
    put_lines("ends/a", ["one"])
    ask = aws("logs").get_log_events
    first = ask(logGroupName=GROUP, logStreamName="ends/a", startFromHead=True)
    again = ask(logGroupName=GROUP, logStreamName="ends/a", startFromHead=True, nextToken=first["nextForwardToken"])
    assert (again["events"], again["nextForwardToken"]) == ([], first["nextForwardToken"]), again
    refused("ResourceNotFoundException", ask, "The specified log stream does not exist.",
            logGroupName=GROUP, logStreamName="ends/none")


not_checked("StartLiveTail", "the product reads logs by FilterLogEvents and GetLogEvents only")
