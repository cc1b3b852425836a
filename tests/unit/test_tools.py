import pytest

from tests.support.tools import require_tool, tool_choices


def test_the_first_tool_on_the_path_is_taken() -> None:
    assert require_tool("no-such-tool", "sh", package="dash").endswith("/sh")


def test_a_missing_tool_skips_the_test_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs no-such-tool or none: apt-get install something"):
        require_tool("no-such-tool", "none", package="something")


def test_a_missing_tool_fails_the_test_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install something"):
        require_tool("no-such-tool", package="something")


def test_further_versions_come_from_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETOOL", "/opt/one:/opt/two")
    assert tool_choices("SOMETOOL") == [None, "/opt/one", "/opt/two"]
    monkeypatch.delenv("SOMETOOL")
    assert tool_choices("SOMETOOL") == [None]
