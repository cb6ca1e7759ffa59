"""Cycles among mails that name each other: a reference between two mails of one cycle counts for neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def components(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Strongly connected components, each after those that it leads to (Tarjan's algorithm, without
    recursion). `edges`: from a mail to the mails that it names; targets that are no keys lead nowhere."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for begin in edges:
        if begin in order:
            continue
        order[begin] = low[begin] = len(order)
        stack.append(begin)
        on_stack.add(begin)
        work = [(begin, iter(edges[begin]))]
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in edges:
                    continue
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(edges[target])))
                    break
                if target in on_stack:
                    low[node] = min(low[node], order[target])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == order[node]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == node:
                            break
                    found.append(component)
    return found
