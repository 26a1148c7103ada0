//! What the compiler holds: no proof is made by hand, and nothing but a proof of all gets through where one is demanded.

/// Every program in `refused` must not compile, for the reason that stands in the file beside it.
#[test]
fn a_proof_is_made_by_a_verdict_alone() {
    trybuild::TestCases::new().compile_fail("tests/proofs/refused/*.rs");
}
