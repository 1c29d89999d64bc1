"""Foreign words in one line of a log."""

from mcphub_gitops.runtime.gateway import words


def test_nothing_that_steers_a_terminal_or_breaks_a_line_is_kept() -> None:
    shown = words.printable("a\nb\x1b[31mc\u202ed\x00" + "e" * 600)
    assert shown.isprintable()
    assert shown.startswith("a b [31mc d ")
    assert len(shown) == 500


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert words.printable(b"a\xff") == "a\ufffd"


def test_a_bug_is_told_by_its_place_and_never_by_its_message() -> None:
    def fail() -> None:
        raise KeyError("the-secret")

    try:
        fail()
    except KeyError as error:
        told = words.bug(error)
    assert "KeyError in fail, line " in told
    assert "secret" not in told


def test_a_key_in_a_url_is_hidden_also_where_the_words_are_cut() -> None:
    shown = words.printable("x" * 470 + " https://y.example/?api_key=hunter2")
    assert shown.endswith(" https://y.example/?api_key=…")
