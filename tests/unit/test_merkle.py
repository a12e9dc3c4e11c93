"""Merkle trees give the roots and proofs of Certificate Transparency's own test vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timeline.store import merkle

# Leaves, roots and proofs as published with the reference implementation of RFC 6962
# (certificate-transparency, transparency-dev/merkle).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]

SIZES = st.integers(min_value=1, max_value=70)


def leaves(size: int) -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(size)]


def flipped(hash_: bytes) -> bytes:
    return bytes([hash_[0] ^ 1]) + hash_[1:]


@pytest.mark.parametrize("size", range(9))
def test_a_root_is_the_published_one(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_an_audit_path_is_the_published_one(index: int, size: int, path: list[str]) -> None:
    ranges = merkle.inclusion_ranges(index, size)

    assert [one.hex() for one in merkle.subtree_roots(LEAVES[:size], ranges)] == path


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_a_published_audit_path_leads_to_the_root(index: int, size: int, path: list[str]) -> None:
    found = merkle.root_from_inclusion(
        LEAVES[index], index, size, [bytes.fromhex(one) for one in path]
    )

    assert found is not None
    assert found.hex() == ROOTS[size]


@pytest.mark.parametrize(("older", "newer", "path"), CONSISTENCY)
def test_a_consistency_proof_is_the_published_one(older: int, newer: int, path: list[str]) -> None:
    ranges = merkle.consistency_ranges(older, newer)

    assert [one.hex() for one in merkle.subtree_roots(LEAVES[:newer], ranges)] == path


@pytest.mark.parametrize(("older", "newer", "path"), CONSISTENCY)
def test_a_published_consistency_proof_leads_to_both_roots(
    older: int, newer: int, path: list[str]
) -> None:
    roots = merkle.roots_from_consistency(
        older, newer, bytes.fromhex(ROOTS[older]), [bytes.fromhex(one) for one in path]
    )

    assert roots is not None
    assert [one.hex() for one in roots] == [ROOTS[older], ROOTS[newer]]


@given(SIZES, st.data())
def test_every_leaf_of_every_tree_is_proved_and_nothing_else_is(
    size: int, data: st.DataObject
) -> None:
    all_leaves = leaves(size)
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    path = merkle.subtree_roots(all_leaves, merkle.inclusion_ranges(index, size))
    expected = merkle.root(all_leaves)

    assert merkle.root_from_inclusion(all_leaves[index], index, size, path) == expected
    assert merkle.root_from_inclusion(b"other", index, size, path) != expected
    assert merkle.root_from_inclusion(all_leaves[index], index, size, [*path, b"x" * 32]) is None
    for step in range(len(path)):
        wrong = [*path[:step], flipped(path[step]), *path[step + 1 :]]
        assert merkle.root_from_inclusion(all_leaves[index], index, size, wrong) != expected


@given(SIZES, st.data())
def test_every_beginning_of_every_tree_is_proved_and_nothing_else_is(
    newer: int, data: st.DataObject
) -> None:
    older = data.draw(st.integers(min_value=1, max_value=newer))
    path = merkle.subtree_roots(leaves(newer), merkle.consistency_ranges(older, newer))
    roots = (merkle.root(leaves(older)), merkle.root(leaves(newer)))

    assert merkle.roots_from_consistency(older, newer, roots[0], path) == roots
    assert merkle.roots_from_consistency(older, newer, roots[0], [*path, b"x" * 32]) is None
    for step in range(len(path)):
        wrong = [*path[:step], flipped(path[step]), *path[step + 1 :]]
        assert merkle.roots_from_consistency(older, newer, roots[0], wrong) != roots


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        merkle.inclusion_ranges(index, size)
    assert merkle.root_from_inclusion(b"", index, size, []) is None


@pytest.mark.parametrize(("older", "newer"), [(0, 3), (4, 3)])
def test_a_tree_is_not_the_beginning_of_a_smaller_one(older: int, newer: int) -> None:
    with pytest.raises(ValueError, match="is not the beginning"):
        merkle.consistency_ranges(older, newer)
    assert merkle.roots_from_consistency(older, newer, b"r" * 32, []) is None


def test_leaves_that_end_too_early_are_told() -> None:
    with pytest.raises(ValueError, match="end before leaf 4"):
        merkle.subtree_roots(leaves(4), [(0, 5)])


def test_no_proof_is_longer_than_64_hashes() -> None:
    assert max(len(merkle.inclusion_ranges(0, 2**63 - 1)), 1) <= merkle.PATH_LENGTH_MAX
    assert len(merkle.consistency_ranges(2**62 + 1, 2**63 - 1)) <= merkle.PATH_LENGTH_MAX
