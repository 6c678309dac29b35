from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backbones.chat_server import KEY, ChatServer, chat_server
from tests.backbones.tiny_models import tiny_sd, tiny_sd3, tiny_sdxl


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {
        "sd": tiny_sd(root / "sd"),
        "grey": tiny_sd(root / "grey", channels=1),
        "sd2": tiny_sd(root / "sd2", prediction="v_prediction"),
        "sdxl": tiny_sdxl(root / "sdxl"),
        "sd3": tiny_sd3(root / "sd3"),
        "sd3-t5": tiny_sd3(root / "sd3-t5", with_t5=True),
    }


@pytest.fixture
def only_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No endpoint and no key but ours, whatever the machine has set."""
    for name in ("BASE_URL", "MODEL", "API_KEY", "ORG_ID", "CUSTOM_HEADERS", "ADMIN_KEY", "LOG"):
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)
        monkeypatch.delenv(f"SEQUELA_LLM_{name}", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SEQUELA_LLM_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running
