"""What people look for is found by the name that they use, with where it is used and what it changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.names import entries, look_up
from lehr.recipes.catalogue.usage import Files
from tests.command import lehr
from tests.data import data_file

CATALOGUE = Catalogue()
ENTRIES = entries(CATALOGUE)
FILES = Files(CATALOGUE)
ROOT = Path(__file__).parents[2]

TERMS = {
    "method": [
        "RLVR", "GSPO", "distillation", "knowledge distillation", "merging", "model merging", "rejection sampling",
        "WSD", "Muon", "curriculum", "curriculum learning", "execution feedback", "decontamination", "opt-out",
        "FIM's sentinel tokens", "sentinel tokens", "test-time compute", "computer use", "GRPO", "MoE", "scaling laws",
    ],
    "dataset": ["MBPP", "LiveCodeBench", "HumanEval", "SWE-bench Verified"],
    "law": ["chinchilla", "Besiroglu", "Kaplan", "Farseer", "Step Law", "multi-power law", "momentum law", "MiniCPM"],
    "accelerator": ["H100", "A100", "H800", "B200", "TPU v5p", "V100", "MI250X"],
}  # fmt: skip


@pytest.mark.parametrize(("group", "term"), [(group, term) for group, terms in TERMS.items() for term in terms])
def test_a_term_is_found(group: str, term: str) -> None:
    assert group in {entry.group for entry in look_up(term, ENTRIES)}


@pytest.mark.parametrize("group", ["law", "accelerator", "method", "dataset", "model"])
def test_every_file_is_found_by_its_name(group: str) -> None:
    for name in CATALOGUE.files(group):
        assert name in {entry.name for entry in look_up(name, ENTRIES) if entry.group == group}, name


HEADINGS = {
    # of lists and tables: what stands under them is the matter
    "Дві ключові здатності", "Ключові моделі", "Відкриті моделі", "Еволюція", "Розвиток", "Легенда архітектур",
    "Принцип роботи", "Режими", "Використання", "Фази", "Переваги", "Компоненти", "Легенда", "Очікування",
    "Методології навчання", "Можливості", "Приклад", "Принципи", "Результат", "Архітектурна різноманітність",
    "Відкритість", "Майбутнє", "Наступний розділ",
}  # fmt: skip


def test_every_bold_word_of_the_survey_is_found() -> None:
    text = data_file("../facts/survey_chapter.md").read_text()
    bold = {word.strip().rstrip(":") for word in re.findall(r"\*\*(.+?)\*\*", text)}
    terms = {word for word in bold if word not in HEADINGS and not word.startswith("Таблиця")}
    assert len(terms) > 100
    assert [term for term in sorted(terms) if not look_up(term, ENTRIES)] == []


def test_every_method_says_what_it_changes_in_a_stage() -> None:
    assert [method.name for method in CATALOGUE.methods().values() if not method.cost] == []


@pytest.mark.parametrize(
    ("term", "user", "stranger"),
    [
        ("GQA", "model starcoder2_15b", "model starcoder"),
        ("MQA", "model starcoder", "model starcoder2_15b"),
        ("MLA", "model deepseek_v3", "model starcoder"),
        ("PSM", "recipe deepseek_v3", "recipe starcoder2_15b"),
        ("GRPO", "recipe deepseek_v3", "recipe starcoder"),
        ("StarCoderData", "recipe starcoder", "recipe deepseek_v3"),
        ("h800", "recipe deepseek_v3", "recipe starcoder"),
    ],
)
def test_where_it_is_used(term: str, user: str, stranger: str) -> None:
    used = {where for entry in look_up(term, ENTRIES) for where in FILES.that_use(entry)}
    assert user in used
    assert stranger not in used


@pytest.mark.slow
def test_the_command_says_what_it_changes() -> None:
    done = lehr("find", "name=GSPO", "format=json")
    (row,) = json.loads(done.stdout)
    assert row["group"] == "method"
    assert "forward pass" in row["cost"]
