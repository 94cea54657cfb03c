from decimal import Decimal

from drawbridge_crds.cloud import Prices
from drawbridge_gateway.cost import Usage, answer_cost


def test_each_kind_of_token_has_its_price() -> None:
    prices = Prices(input_per_m_tok="3", output_per_m_tok="15", cached_input_per_m_tok="0.3")
    usage = Usage(input_tokens=1_000_000, output_tokens=2_000_000, cached_input_tokens=1_000_000)
    assert answer_cost(prices, usage) == Decimal("33.3")


def test_cached_input_costs_as_much_as_input_without_a_price_of_its_own() -> None:
    prices = Prices(input_per_m_tok="3", output_per_m_tok="15")
    assert answer_cost(prices, Usage(cached_input_tokens=1)) == Decimal("0.000003")
