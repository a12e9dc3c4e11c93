"""Which claims stand, in which form and when: revisions, corrections, retractions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.claims import Verdict
from timeline.domain.events import (
    Basis,
    Claim,
    ClaimCorrected,
    ClaimReinstated,
    ClaimRetracted,
    ClaimReviewed,
    Clash,
    DocumentMention,
    ReportFiled,
    ReportRetracted,
    ReportRevised,
    ReportVersion,
    SourceMention,
)
from timeline.domain.standing import Fact, Standing, report_standing, standing_on
from timeline.domain.time import UNDATED, moment_end, occurred_from_edtf, on_day

ZONE = "Asia/Damascus"
RECORDED = "2026-11-22T20:30:00.000000Z"
FIRST, SECOND = "1" * 64, "2" * 64


def version(
    digest: str,
    reported: str,
    type_: type[ReportVersion] = ReportFiled,
    **fields: Any,  # noqa: ANN401
) -> ReportVersion:
    return type_(
        report_id="r1",
        report_version=digest,
        reported=occurred_from_edtf(reported),
        document=DocumentMention(digest=digest, media_type="text/plain", byte_length=1),
        **fields,
    )


def claim(number: int, digest: str = FIRST, ref: str | None = None) -> Claim:
    return Clash(
        claim_id=f"c-{number:020}",
        report_id="r1",
        report_version=digest,
        ref=ref,
        occurred=on_day("2016-02-23"),
    )


def amended(
    type_: type[ClaimRetracted | ClaimReinstated], reported: str | None, target: str = "c1"
) -> Struct:
    """A retraction or reinstatement by the source on a day, or by coding when there is none."""
    return type_(
        report_id="r1",
        target=target,
        basis=Basis.SOURCE if reported else Basis.CODING,
        reported=occurred_from_edtf(reported) if reported else UNDATED,
    )


def moved(day: str, reported: str | None, target: str = "c1") -> Struct:
    """A correction of the date of a claim."""
    return ClaimCorrected(
        report_id="r1",
        target=target,
        changes={"occurred": {"edtf": day, "earliest": day, "latest": day, "precision": "day"}},
        basis=Basis.SOURCE if reported else Basis.CODING,
        reported=occurred_from_edtf(reported) if reported else UNDATED,
    )


def withdrawn(reported: str) -> Struct:
    return ReportRetracted(
        report_id="r1", basis=Basis.SOURCE, reported=occurred_from_edtf(reported)
    )


def facts(*payloads: Struct) -> list[Fact]:
    return [Fact(payload=p, position=n, recorded_at=RECORDED) for n, p in enumerate(payloads, 1)]


def forms(payloads: list[Struct], known_on: str | None = None) -> tuple[Standing, ...]:
    standing = report_standing(facts(*payloads), ZONE)
    return standing_on(standing.claims, moment_end(known_on, ZONE) if known_on else None)


def days(payloads: list[Struct], known_on: str | None = None) -> list[str | None]:
    return [s.claim.occurred.edtf for s in forms(payloads, known_on)]


def numbers(payloads: list[Struct], known_on: str | None = None) -> list[int]:
    return [int(s.claim.claim_id[2:]) for s in forms(payloads, known_on)]


FILED: list[Struct] = [version(FIRST, "2016-02-25"), claim(1, ref="c1")]
REVISED: list[Struct] = [
    *FILED,
    version(SECOND, "2016-02-28", ReportRevised),
    claim(2, SECOND, ref="c1"),
]


@pytest.mark.parametrize(
    ("known_on", "expected"), [("2016-02-24", []), ("2016-02-25", [1]), (None, [1])]
)
def test_a_claim_stands_from_the_day_of_its_report(
    known_on: str | None, expected: list[int]
) -> None:
    assert numbers(FILED, known_on) == expected


def test_a_claim_is_not_known_at_an_hour_of_the_day_of_its_report() -> None:
    assert numbers(FILED, "2016-02-25T20:00+02:00") == []


@pytest.mark.parametrize(
    ("known_on", "expected"), [("2016-02-27", [1]), ("2016-02-28", [2]), (None, [2])]
)
def test_from_a_revision_on_only_its_claims_stand(
    known_on: str | None, expected: list[int]
) -> None:
    assert numbers(REVISED, known_on) == expected


def test_versions_are_in_order_of_publication() -> None:
    standing = report_standing(facts(*REVISED[::-1]), ZONE)

    assert [v[0].report_version for v in standing.versions] == [FIRST, SECOND]


@pytest.mark.parametrize("digests", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_revision_of_the_same_day_is_the_later_version(digests: tuple[str, str]) -> None:
    old, new = digests
    payloads = [
        version(old, "2016-02-25"),
        claim(1, old),
        version(new, "2016-02-25", ReportRevised, updated="2016-02-25"),
        claim(2, new),
    ]

    assert numbers(payloads) == [2]


@pytest.mark.parametrize(
    ("known_on", "day"), [("2016-02-25", "2016-02-23"), ("2016-02-27", "2016-02-24")]
)
def test_a_correction_by_the_source_counts_from_its_own_day(known_on: str, day: str) -> None:
    assert days([*FILED, moved("2016-02-24", "2016-02-27")], known_on) == [day]


def test_a_correction_by_coding_holds_at_every_known_time() -> None:
    assert days([*FILED, moved("2016-02-24", None)], "2016-02-25") == ["2016-02-24"]


def test_a_correction_by_coding_brings_no_claim_forward() -> None:
    assert days([*FILED, moved("2016-02-24", None)], "2016-02-24") == []


def test_the_sources_correction_stands_over_ours() -> None:
    payloads = [*FILED, moved("2016-02-22", "2016-02-27"), moved("2016-02-24", None)]

    assert days(payloads) == ["2016-02-22"]


def test_of_two_corrections_by_coding_the_later_one_stands() -> None:
    assert days([*FILED, moved("2016-02-24", None), moved("2016-02-22", None)]) == ["2016-02-22"]


def test_a_corrected_claim_names_what_corrected_it() -> None:
    (form,) = forms([*FILED, moved("2016-02-24", None)])

    assert form.amended_by == (3,)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
def test_a_correction_filed_before_its_target_finds_it(order: tuple[int, int, int]) -> None:
    payloads = [*FILED, moved("2016-02-24", "2016-02-27")]

    assert days([payloads[i] for i in order]) == ["2016-02-24"]


def test_a_correction_without_its_target_waits() -> None:
    waiting = report_standing(facts(moved("2016-02-24", None)), ZONE).waiting

    assert [f.position for f in waiting] == [1]


def test_a_correction_of_an_unknown_claim_waits_beside_the_others() -> None:
    waiting = report_standing(facts(*FILED, moved("2016-02-24", None, "c9")), ZONE).waiting

    assert [f.position for f in waiting] == [3]


def test_a_correction_that_found_its_target_waits_no_longer() -> None:
    assert report_standing(facts(*FILED, moved("2016-02-24", None)), ZONE).waiting == ()


def test_a_correction_before_the_revision_is_of_the_first_version() -> None:
    payloads = [*REVISED, moved("2016-02-24", "2016-02-26")]

    assert days(payloads, "2016-02-27") == ["2016-02-24"]


def test_a_correction_after_the_revision_is_of_the_revision() -> None:
    payloads = [*REVISED, moved("2016-02-24", "2016-02-29")]

    assert [days(payloads, day) for day in ("2016-02-27", "2016-02-29")] == [
        ["2016-02-23"],
        ["2016-02-24"],
    ]


def test_a_claim_id_names_one_claim_of_one_version_to_its_source() -> None:
    payloads = [*REVISED, moved("2016-02-24", "2016-02-26", f"c-{1:020}")]

    assert [days(payloads, day) for day in ("2016-02-27", "2016-02-29")] == [
        ["2016-02-24"],
        ["2016-02-23"],
    ]


def test_what_we_misread_is_corrected_in_every_version_that_says_the_same() -> None:
    payloads = [*REVISED, moved("2016-02-24", None, f"c-{1:020}")]

    assert [days(payloads, day) for day in ("2016-02-27", "2016-02-29")] == [
        ["2016-02-24"],
        ["2016-02-24"],
    ]


def test_a_version_that_says_otherwise_keeps_what_it_says() -> None:
    told_anew = replace(claim(2, SECOND, ref="c1"), occurred=on_day("2016-02-22"))
    payloads = [*REVISED[:3], told_anew, moved("2016-02-24", None, f"c-{1:020}")]

    assert days(payloads, "2016-02-29") == ["2016-02-22"]


@pytest.mark.parametrize("known_on", ["2016-02-25", "2016-02-29"])
def test_what_we_retract_as_misread_stays_retracted_when_the_report_is_revised(
    known_on: str,
) -> None:
    assert numbers([*REVISED, amended(ClaimRetracted, None)], known_on) == []
    assert numbers([*FILED, amended(ClaimRetracted, None), *REVISED[2:]], known_on) == []


def test_an_outlet_does_not_retract_what_another_says() -> None:
    alpha = SourceMention(source_id="alpha", name="Alpha")
    filed = [version(FIRST, "2016-02-25", source=alpha), claim(1, ref="c1")]
    by_beta = ClaimRetracted(
        report_id="r1",
        target="c1",
        basis=Basis.SOURCE,
        reported=occurred_from_edtf("2016-02-26"),
        by_source_id="beta",
    )

    assert numbers([*filed, by_beta]) == [1]
    assert numbers([*filed, replace(by_beta, by_source_id="alpha")]) == []


@pytest.mark.parametrize(("known_on", "expected"), [("2016-02-26", [1]), ("2016-02-27", [])])
def test_a_retraction_by_the_source_counts_from_its_own_day(
    known_on: str, expected: list[int]
) -> None:
    assert numbers([*FILED, amended(ClaimRetracted, "2016-02-27")], known_on) == expected


def test_a_claim_retracted_by_coding_never_stood() -> None:
    payloads = [*FILED, amended(ClaimRetracted, None)]

    assert report_standing(facts(*payloads), ZONE).claims == ()


def test_a_reinstated_claim_stands_again_from_that_day() -> None:
    payloads = [
        *FILED,
        amended(ClaimRetracted, "2016-02-27"),
        amended(ClaimReinstated, "2016-02-29"),
    ]

    assert [numbers(payloads, f"2016-02-{d}") for d in (26, 28, 29)] == [[1], [], [1]]


def test_a_reinstatement_by_coding_undoes_a_retraction_by_coding() -> None:
    payloads = [*FILED, amended(ClaimRetracted, None), amended(ClaimReinstated, None)]

    assert numbers(payloads, "2016-02-25") == [1]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 1, 3, 2)])
def test_of_one_day_a_reinstatement_follows_the_retraction(
    order: tuple[int, int, int, int],
) -> None:
    payloads = [
        *FILED,
        amended(ClaimRetracted, "2016-02-27"),
        amended(ClaimReinstated, "2016-02-27"),
    ]

    assert numbers([payloads[i] for i in order]) == [1]


@pytest.mark.parametrize(("known_on", "expected"), [("2016-02-26", [1]), ("2016-02-27", [])])
def test_none_of_a_retracted_reports_claims_stand(known_on: str, expected: list[int]) -> None:
    assert numbers([*FILED, withdrawn("2016-02-27")], known_on) == expected


@pytest.mark.parametrize(("known_on", "expected"), [("2016-02-27", []), ("2016-02-28", [2])])
def test_a_version_published_after_the_outlet_withdrew_its_report_stands(
    known_on: str, expected: list[int]
) -> None:
    assert numbers([*REVISED, withdrawn("2016-02-27")], known_on) == expected


def test_a_retraction_of_a_report_not_filed_yet_waits() -> None:
    assert len(report_standing(facts(withdrawn("2016-02-27")), ZONE).waiting) == 1


def test_a_claim_of_a_version_that_was_never_filed_does_not_stand() -> None:
    assert report_standing(facts(claim(1)), ZONE).claims == ()


amendments = st.one_of(
    st.builds(moved, st.sampled_from(["2016-02-20", "2016-02-21"]), st.none()),
    st.builds(
        moved,
        st.sampled_from(["2016-02-20", "2016-02-21"]),
        st.sampled_from(["2016-02-26", "2016-02-29"]),
    ),
    st.builds(
        amended,
        st.sampled_from([ClaimRetracted, ClaimReinstated]),
        st.sampled_from([None, "2016-02-26", "2016-02-29"]),
    ),
    st.builds(withdrawn, st.sampled_from(["2016-02-26", "2016-02-29"])),
)


def is_coding(payload: Struct) -> bool:
    return getattr(payload, "basis", None) is Basis.CODING


def without_positions(payloads: list[Struct]) -> set[Standing]:
    claims = report_standing(facts(*payloads), ZONE).claims
    return {replace(s, position=0, amended_by=(len(s.amended_by),)) for s in claims}


@given(st.data(), st.lists(amendments, max_size=5))
def test_what_is_known_does_not_depend_on_the_order_of_filing(
    data: st.DataObject, extra: list[Struct]
) -> None:
    payloads = [*REVISED, *extra]
    shuffled = data.draw(st.permutations(payloads))
    coding = iter([p for p in payloads if is_coding(p)])
    reordered = [next(coding) if is_coding(p) else p for p in shuffled]

    assert without_positions(reordered) == without_positions(payloads)


@given(st.lists(amendments, max_size=5))
def test_at_any_known_time_a_claim_has_one_form_at_most(extra: list[Struct]) -> None:
    for day in range(24, 30):
        standing = numbers([*REVISED, *extra], f"2016-02-{day}")

        assert len(standing) == len(set(standing))


def reviewed(verdict: Verdict, number: int = 1) -> Struct:
    return ClaimReviewed(
        report_id="r1",
        target=f"c-{number:020}",
        verdict=verdict,
        basis=Basis.CODING,
        requested_by="anna",
    )


ACCEPTED, REJECTED = reviewed(Verdict.ACCEPTED), reviewed(Verdict.REJECTED)


@pytest.mark.parametrize(
    ("amendments", "status"),
    [
        ([], "unreviewed"),
        ([ACCEPTED], "accepted"),
        ([moved("2016-02-22", None)], "unreviewed"),
        ([moved("2016-02-22", None), ACCEPTED], "corrected"),
        ([ACCEPTED, moved("2016-02-22", None)], "corrected"),
        ([ACCEPTED, moved("2016-02-22", "2016-02-26")], "accepted"),
        ([REJECTED, ACCEPTED], "accepted"),
        ([REJECTED, amended(ClaimReinstated, None)], "unreviewed"),
        ([ACCEPTED, amended(ClaimReinstated, None)], "accepted"),
    ],
)
def test_a_claim_tells_whether_a_person_signed_it(amendments: list[Struct], status: str) -> None:
    assert {s.review for s in forms([*FILED, *amendments])} == {status}


@pytest.mark.parametrize("known_on", ["2016-02-25", None])
def test_a_rejected_claim_stands_at_no_known_time(known_on: str | None) -> None:
    payloads = [*FILED, moved("2016-02-22", None), REJECTED]
    standing = report_standing(facts(*payloads), ZONE)

    assert numbers(payloads, known_on) == []
    assert [s.claim.occurred.edtf for s in standing.rejected] == ["2016-02-22"]
    assert standing.waiting == ()


def test_a_reinstatement_by_the_source_does_not_undo_our_rejection() -> None:
    assert numbers([*FILED, REJECTED, amended(ClaimReinstated, "2016-02-27")]) == []


def test_a_review_is_of_one_claim_and_leaves_the_same_ref_of_another_version_alone() -> None:
    assert numbers([*REVISED, REJECTED]) == [2]
    assert numbers([*REVISED, REJECTED], "2016-02-25") == []


def test_a_review_of_a_claim_that_is_not_filed_waits() -> None:
    standing = report_standing(facts(*FILED, reviewed(Verdict.ACCEPTED, 9)), ZONE)

    assert [f.position for f in standing.waiting] == [3]
