import pytest

from mcphub_gitops.compiler.url import hide_query


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://x.example/mcp?api_key=hunter2", "https://x.example/mcp?api_key=…"),
        ("https://x.example/mcp?a=1&apiKey=hunter2&b=2#top", "https://x.example/mcp?a=1&apiKey=…&b=2#top"),
        ("at https://x/?X-Amz-Signature=hunter2, then", "at https://x/?X-Amz-Signature=… then"),
        ("https://x/?api%5Fkey=hunter2;sig=hunter2", "https://x/?api%5Fkey=…;sig=…"),
        ("https://x/?auth[token]=hunter2", "https://x/?auth[token]=…"),
        ("WSS://x/?access_token=hunter2 https://y/?PASSWORD=hunter2", "WSS://x/?access_token=… https://y/?PASSWORD=…"),
        ("https://x/?client_secret=a=b", "https://x/?client_secret=…"),
        ("https://x/mcp?zone=eu&keyword=cats&token=", "https://x/mcp?zone=eu&keyword=cats&token="),
        ("https://x/token=kept/mcp", "https://x/token=kept/mcp"),
        ("no URL?api_key=kept", "no URL?api_key=kept"),
    ],
)
def test_values_that_let_somebody_in_are_hidden(text: str, shown: str) -> None:
    assert hide_query(text) == shown


def test_what_stands_in_their_place_is_the_callers_choice() -> None:
    assert hide_query("https://x/?token=abc&b=c", shown=lambda value: str(len(value))) == "https://x/?token=3&b=c"
