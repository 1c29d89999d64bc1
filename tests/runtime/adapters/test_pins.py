from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.adapters.pins import Pin, normalise, parse_pin, read_pins, split_requirement

A, B = "a" * 64, "b" * 64

NAMES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
VERSIONS = st.from_regex(
    r"[0-9]{1,4}(\.[0-9]{1,3}){0,3}((a|b|rc|\.post|\.dev)[0-9])?(\+[a-z0-9]{1,4})?", fullmatch=True
)
MARKERS = st.sampled_from(
    [
        "",
        "sys_platform == 'win32'",
        "python_full_version < '3.12'",
        "(platform_machine == 'x86_64' and os_name != 'nt') or extra == 'cpu-only'",
        "platform_release >= '5.10.0-8'",
    ]
)
HASHES = st.sets(st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True), min_size=1, max_size=3)
PINS = st.builds(
    Pin, name=NAMES, version=VERSIONS, marker=MARKERS, hashes=HASHES.map(lambda found: tuple(sorted(found)))
)


@given(PINS)
def test_a_pin_is_read_back_from_its_line(pin: Pin) -> None:
    assert parse_pin(str(pin)) == pin


def test_a_line_is_name_version_marker_and_sorted_hashes() -> None:
    pin = parse_pin(f"six==1.17.0 ; sys_platform == 'win32' --hash=sha256:{B} --hash=sha256:{A}")
    assert str(pin) == f"six==1.17.0 ; sys_platform == 'win32' --hash=sha256:{A} --hash=sha256:{B}"


def test_a_line_that_says_more_than_a_pin_is_none() -> None:
    good = f"--hash=sha256:{A}"
    lines = [
        "",
        "six==1.17.0",
        f"six>=1.17.0 {good}",
        f"six==1.* {good}",
        f"Six==1.17.0 {good}",
        f"six==1.17.0 --hash=md5:{A[:32]}",
        f"six==1.17.0 {good} --config-settings=a=b",
        f"six==1.17.0 ; sys_platform == 'x' --index-url=http {good}",
        f"six @ file:///tmp/six.whl {good}",
        f"six==1.17.0 {good}\n--index-url http://127.0.0.1",
        f"-r other.txt {good}",
        f"--index-url http://127.0.0.1 {good}",
        f"six==1.17.0 {good} \\",
        f"six==1.17.0 {good} # comment",
    ]
    assert [line for line in lines if parse_pin(line) is not None] == []


def test_what_uv_wrote_is_read_in_the_order_of_names() -> None:
    zipp = f"zipp==1 \\\n    --hash=sha256:{A}\n"
    attrs = f"attrs==2 ; os_name == 'nt' \\\n    --hash=sha256:{B} \\\n    --hash=sha256:{A}\n"
    text = f"# header\n{zipp}{attrs}"
    pins = read_pins(text)
    assert pins is not None
    assert [str(pin) for pin in pins] == [
        f"attrs==2 ; os_name == 'nt' --hash=sha256:{A} --hash=sha256:{B}",
        f"zipp==1 --hash=sha256:{A}",
    ]


def test_an_index_in_what_uv_wrote_is_not_passed_on() -> None:
    assert read_pins(f"--index-url http://user:pass@127.0.0.1/simple\nsix==1 --hash=sha256:{A}\n") is None
    assert read_pins("") is None


def test_a_requirement_is_a_name_or_a_name_at_a_version() -> None:
    assert split_requirement("MCP_Server.Time") == ("mcp-server-time", "")
    assert split_requirement("six==1.17.0") == ("six", "1.17.0")
    refused = [
        "",
        "-r x",
        "six>=1",
        "six[extra]",
        "six==",
        "six==1==2",
        "six ; os_name",
        "six\nfoo",
        "./six",
        "six @ x",
    ]
    assert [text for text in refused if split_requirement(text) is not None] == []


def test_names_have_one_spelling() -> None:
    assert normalise("Foo.__-Bar") == "foo-bar"
