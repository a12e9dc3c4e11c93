"""Computes Merkle tree roots, inclusion proofs and consistency proofs as RFC 6962 defines them.

A leaf is hashed as SHA-256(0x00 ‖ leaf), a node as SHA-256(0x01 ‖ left ‖ right), so that no leaf
can pass for a node. A proof holds nothing but roots of subtrees that do not overlap; therefore one
pass over the leaves gives any proof, and keeps no more than one hash a level of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

PATH_LENGTH_MAX = 64
"""No tree with fewer than 2**63 leaves has a longer proof."""

Range = tuple[int, int]
"""Leaves from the first index up to, and without, the second."""

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 section 2.1: the hash of one leaf."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1: the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """The root of leaves that come one after another; keeps one hash a level."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the next leaf."""
        current, full = leaf_hash(leaf), self.size
        # A one bit of the size is a full subtree on the left that now becomes half of a larger one.
        while full & 1:
            current, full = node_hash(self._stack.pop(), current), full >> 1
        self._stack.append(current)
        self.size += 1

    def root(self) -> bytes:
        """The root over the leaves so far; SHA-256 of nothing when there are none."""
        if not self._stack:
            return EMPTY_ROOT
        current = self._stack[-1]
        for left in reversed(self._stack[:-1]):
            current = node_hash(left, current)
        return current


def root(leaves: Iterable[bytes]) -> bytes:
    """RFC 6962 section 2.1, MTH: the root over some leaves."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose roots prove a leaf, the lowest first (RFC 6962 section 2.1.1, PATH).

    Args:
        index: The leaf, from 0.
        size: How many leaves the tree has, more than `index`.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    ranges: list[Range] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def consistency_ranges(older: int, newer: int) -> list[Range]:
    """The subtrees that prove one tree to be the beginning of another (section 2.1.2, PROOF).

    Args:
        older: How many leaves the older tree has, at least 1.
        newer: How many the newer has, at least as many.

    Raises:
        ValueError: the older tree is empty, or larger than the newer one.
    """
    if not 1 <= older <= newer:
        raise ValueError(f"a tree of {older} leaves is not the beginning of one of {newer}")
    ranges: list[Range] = []
    low, high, is_known = 0, newer, True
    while older != high:
        middle = low + _split(high - low)
        if older <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low, is_known = middle, False
    if not is_known:
        ranges.append((low, high))
    return ranges[::-1]


def subtree_roots(leaves: Iterable[bytes], ranges: Sequence[Range]) -> list[bytes]:
    """The root of each of some subtrees that do not overlap, in the order given, in one pass.

    Raises:
        ValueError: the leaves end before a range does.
    """
    order = sorted(range(len(ranges)), key=lambda i: ranges[i])
    roots: dict[int, bytes] = {}
    waiting = iter(order)
    current, tree = next(waiting, None), Tree()
    for index, leaf in enumerate(leaves):
        if current is None:
            break
        low, high = ranges[current]
        if index < low:
            continue
        tree.add(leaf)
        if index + 1 == high:
            roots[current] = tree.root()
            current, tree = next(waiting, None), Tree()
    if current is not None:
        raise ValueError(f"the leaves end before leaf {ranges[current][1] - 1}")
    return [roots[i] for i in range(len(ranges))]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to; None when the path cannot be one of such a tree."""
    if not 0 <= index < size:
        return None
    ranges = inclusion_ranges(index, size)
    if len(path) != len(ranges):
        return None
    current = leaf_hash(leaf)
    for (low, _), sibling in zip(ranges, path, strict=True):
        current = node_hash(sibling, current) if low < index else node_hash(current, sibling)
    return current


def roots_from_consistency(
    older: int, newer: int, older_root: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """The older and the newer root that a consistency proof leads to (RFC 9162 section 2.1.4.2).

    Returns:
        Both roots, for the caller to compare; None when the path cannot be one of such trees.
    """
    if not 1 <= older <= newer:
        return None
    ranges = consistency_ranges(older, newer)
    if len(path) != len(ranges):
        return None
    # When the older tree is a full subtree of the newer one, its root stands for itself.
    is_full = not ranges or ranges[0][0] >= older
    rest = list(zip(ranges, path, strict=True))
    if is_full:
        old = new = older_root
    else:
        old = new = rest.pop(0)[1]
    for (low, _), sibling in rest:
        if low >= older:
            new = node_hash(new, sibling)
        else:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
    return old, new


def _split(size: int) -> int:
    """The largest power of two smaller than a size of 2 or more."""
    return 1 << (size - 1).bit_length() - 1
