"""What the README promises at first sight."""

import re

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_code_fine_tunes_a_network_and_measures_it(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code.replace('"drawn"', '"smoke"'), {})
    assert "'accuracy': " in capsys.readouterr().out


def test_every_page_that_it_links_to_is_there():
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []
