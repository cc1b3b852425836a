"""What a PromQL expression asks for."""

import promql_parser
from promql_parser import Expr, Matcher, MatrixSelector, VectorSelector


def selectors(query: str) -> list[VectorSelector]:
    """Return every selector of an expression. Raises ValueError when it does not parse."""
    found: list[VectorSelector] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.append(node)
        elif isinstance(node, MatrixSelector):
            found.append(node.vector_selector)

    promql_parser.walk(promql_parser.parse(query), visit)
    return found


def metrics(query: str) -> set[str]:
    """Return the names of the metrics that an expression reads."""
    return {selector.name or "" for selector in selectors(query)}


def matchers(query: str) -> list[Matcher]:
    """Return what an expression demands of labels."""
    return [matcher for selector in selectors(query) for matcher in selector.matchers.matchers]
