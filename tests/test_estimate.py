"""The estimate of tokens beside the count of a common tokenizer."""

from __future__ import annotations

import warnings

import pytest
from company import ALL, ANALYST, company
from hypothesis import given
from hypothesis import strategies as st
from reference_store import ReferenceStore

from graph import RENDERINGS, Scope, estimate, tokens

TEXTS = {
    "en": "Purchases above 50,000 EUR are approved by the chief financial officer; three quotes are handed in before the order is placed.",
    "de": "Der Einkauf über 50.000 EUR bedarf der Genehmigung der kaufmännischen Leitung; Vertretungsregelungen stehen in der Geschäftsordnung.",
    "fr": "L'achat de biens d'un montant supérieur à 50 000 EUR doit être approuvé par la direction financière, même en cas d'urgence.",
    "es": "La adquisición de bienes por encima de 50.000 EUR requiere la aprobación de la dirección financiera en un plazo de diez días.",
    "pl": "Zakup towarów o wartości powyżej 50 000 EUR wymaga zgody dyrektora finansowego; oferty można dostarczyć w ciągu dziesięciu dni.",
    "fi": "Yli 50 000 euron hankinta edellyttää talousjohtajan hyväksyntää; tarjoukset voidaan toimittaa kymmenen arkipäivän kuluessa.",
    "ru": "Закупка товаров на сумму свыше 50 000 евро требует одобрения финансового директора в течение десяти рабочих дней.",
    "el": "Τώρα η αγορά αγαθών άνω των 50.000 ευρώ απαιτεί την έγκριση του οικονομικού διευθυντή εντός δέκα εργάσιμων ημερών.",
    "ja": "5万ユーロを超える物品の購入には、最高財務責任者の承認が必要です。見積書は10営業日以内に提出することができます。",
    "zh": "超过五万欧元的商品采购须经首席财务官批准;紧急情况下,报价可在十个工作日内补交。",
    "ar": "يتطلب شراء السلع التي تزيد قيمتها عن خمسين ألف يورو موافقة المدير المالي خلال عشرة أيام عمل.",
    "ko": "5만 유로를 초과하는 상품의 구매에는 최고재무책임자의 승인이 필요하며 견적서는 10일 이내에 제출할 수 있습니다.",
}


def counted(text: str) -> int:
    """The real count; the library reads its table in an old way, and says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import bpe_openai  # pyright: ignore[reportMissingTypeStubs]  # it has no types

        return len(bpe_openai.get_encoding("o200k_base").encode(text))


@pytest.mark.parametrize("language", TEXTS)
def test_no_language_is_estimated_much_too_low(language: str) -> None:
    """At most four per cent under the real count."""
    text = TEXTS[language]
    assert tokens(text) >= 0.96 * counted(text)


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_renderings_are_estimated_a_little_too_high(form: str) -> None:
    """Never more than a few per cent under the real count, and not by a quarter over it."""
    context = company(ReferenceStore(), ALL)
    for start in ("process:buy", "term:customer.sales", "decision:1"):
        text = RENDERINGS[form](context.scope(Scope(anchors=(start,), budget=4000), actor=ANALYST), context.ontology)
        assert 0.97 <= tokens(text) / counted(text) <= 1.25


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_text_never_takes_more_than_its_lines(one: str, other: str) -> None:
    """So that what is fitted entity by entity fits as a whole."""
    assert tokens(f"{one}\n{other}") <= tokens(one) + tokens(other) + 1


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_plain_text_is_priced_as_its_pieces(text: str) -> None:
    """The quick way for ASCII and the way for every script come to the same."""
    assert tokens(text) == -(-sum(estimate._price(piece) for piece in estimate._PIECE.findall(text)) // 100)  # pyright: ignore[reportPrivateUsage]  # the slow way itself
