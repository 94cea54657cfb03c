"""What an answer costs, from token counts and a cloud's prices."""

from dataclasses import dataclass
from decimal import Decimal

from drawbridge_crds.cloud import Prices

_PER_M_TOK = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. Cached input is counted apart from `input_tokens`, as Anthropic does."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0


def answer_cost(prices: Prices, usage: Usage) -> Decimal:
    """Price one answer, exactly, in the currency of the prices."""
    cached_price = Decimal(prices.cached_input_per_m_tok or prices.input_per_m_tok)
    return (
        Decimal(prices.input_per_m_tok) * usage.input_tokens
        + cached_price * usage.cached_input_tokens
        + Decimal(prices.output_per_m_tok) * usage.output_tokens
    ) / _PER_M_TOK
