//! Which certificates a run is given, by hand: the numbers of each are those of `certificate::tests`.

use super::*;
use crate::lyapunov::{Action, Step};
use CertificateName::{C1, C2, C3, C4, C5, C7, D};

/// V = 2, Q = 3, 4, 2; |Q(0)| and all |g| sum to 6, the largest penalty is 5.
fn played() -> History {
    let step = |penalty, violation, queue_after, gap| Step {
        penalty,
        violations: vec![violation],
        queue_after: vec![queue_after],
        gap: Some(gap),
    };
    History::new(2.0, vec![3.0], vec![step(5.0, 1.0, 4.0, 0.5), step(1.0, -2.0, 2.0, 0.25)]).unwrap()
}

fn actions(each: [(f64, f64); 2]) -> Vec<Action> {
    each.map(|(penalty, violation)| Action { penalty, violations: vec![violation] }).to_vec()
}

/// Everything is there.
fn compared() -> Comparison {
    let mut compared =
        Comparison::new(vec![actions([(4.0, -1.0), (2.0, 0.5)]); 2], vec![0.5], Some(vec![3.0, 0.5])).unwrap();
    compared.optimum = Some(actions([(4.0, -1.0), (2.0, 0.5)]));
    compared.framed = Some((1, actions([(4.0, -1.0), (2.0, -0.5)])));
    // Σ g' = −4: (1 + 2·(4 − 5) + 2.25 + 2·(2 − 1) + (4 − 3)·(−2))/4 + 1 + 2
    compared.slater = (2, actions([(4.0, -2.0), (2.0, -2.0)]));
    compared
}

fn proved(compared: &Comparison) -> Proofs {
    Proofs::new(&played(), ["energy"], Some(compared))
}

fn sides(proofs: &Proofs, name: CertificateName) -> Option<(f64, f64)> {
    proofs.claim(name).map(|claim| (claim.value, claim.bound))
}

fn reason(proofs: &Proofs, name: CertificateName) -> &str {
    let reasons: Vec<&str> = proofs
        .omissions
        .iter()
        .filter(|omission| omission.name == name)
        .map(|omission| omission.reason.as_str())
        .collect();
    assert!(proofs.claim(name).is_none() && reasons.len() == 1, "{name}: {proofs:?}");
    reasons[0]
}

#[test]
fn every_certificate_of_a_comparison() {
    let proofs = proved(&compared());
    assert!(proofs.omissions.is_empty(), "{:?}", proofs.omissions);
    assert!(proofs.claims.iter().all(|claim| claim.holds));
    assert_eq!(sides(&proofs, C1), Some((-0.5, -0.5)));
    // The optimum's mean penalty is 3: 3 + 1.625/2 + (9 − 4)/8
    assert_eq!(sides(&proofs, C2), Some((3.0, 4.4375)));
    assert_eq!(sides(&proofs, C3), Some((3.0, 4.1875)));
    assert_eq!(sides(&proofs, C4), Some((2.0, 1.0 + 18.5f64.sqrt())));
    assert_eq!(sides(&proofs, C5), Some((3.0, 3.3125)));
    // 3 + 0.375/2 + (3·(−1 − 1) + 4·(−0.5 + 2))/4
    assert_eq!(sides(&proofs, C7), Some((3.0, 3.1875)));
    assert_eq!(sides(&proofs, D), Some((2.0, 3.0)));
    let offline = OfflineBounds { lower_bound: 1.75, upper_estimate: Some(3.0), distance: Some(1.0) };
    assert_eq!(proofs.offline, Some(offline));
    assert_eq!(proofs.claims.len(), 7);
}

#[test]
fn what_is_missing_is_named() {
    let all = [C2, C3, C4, C5, C7, D];
    let alone = Proofs::new(&played(), ["energy"], None);
    assert_eq!((alone.claims.len(), alone.offline), (1, None));
    assert!(all.iter().all(|&name| reason(&alone, name) == NOT_COMPARED));
    let none = Proofs::none("no history");
    assert!(none.claims.is_empty() && [C1].iter().chain(&all).all(|&name| reason(&none, name) == "no history"));

    let without = proved(&Comparison { optimum: None, without_optimum: Some("far too tight".into()), ..compared() });
    assert!([C2, C3, C4].iter().all(|&name| reason(&without, name) == "far too tight"));
    assert!(without.claim(C5).is_some() && without.claim(C7).is_some() && without.claim(D).is_some());
    assert_eq!(without.offline.unwrap().upper_estimate, None);

    let unproved = proved(&Comparison { minima: None, ..compared() });
    assert!([C4, D].iter().all(|&name| reason(&unproved, name) == NO_MINIMA));
    assert!(unproved.claim(C3).is_some() && unproved.offline.is_none());

    assert!(reason(&proved(&Comparison { framed: None, ..compared() }), C7).starts_with("no frame"));
    let whole = Some((2, actions([(4.0, -1.0), (2.0, 0.5)])));
    assert!(reason(&proved(&Comparison { framed: whole, ..compared() }), C7).ends_with("C7 would be C3"));
}

/// Bounds that say no more than what is known anyway, to either side of where they do.
#[test]
fn certificates_that_say_nothing_are_left_out() {
    // C3 of (p, g): avg p + 0.1875 + (3 (g − 1) + 4 (g + 2))/4
    let c3 = |penalty: f64| {
        let optimum = Some(actions([(penalty, -1.0), (penalty, -1.0)]));
        proved(&Comparison { optimum, ..compared() })
    };
    assert_eq!(sides(&c3(5.3125), C3), Some((3.0, 5.0)));
    assert!(reason(&c3(5.32), C3).contains("above the largest penalty"));
    assert!(c3(5.32).claim(C2).is_some());
    let c7 = |penalty: f64| {
        let framed = Some((1, actions([(penalty, -1.0), (penalty, -1.0)])));
        proved(&Comparison { framed, ..compared() })
    };
    assert_eq!(sides(&c7(5.3125), C7), Some((3.0, 5.0)));
    assert!(reason(&c7(5.32), C7).contains("above the largest penalty"));
    // C5 of Σ g' = −s with frames of both slots: (3.25 + 2·(p' − 6) + (4 − 3) g'(1))/s + 3
    let c5 = |penalty: f64| {
        let slater = (2, actions([(penalty, -1.0), (0.0, -1.0)]));
        proved(&Comparison { slater, ..compared() })
    };
    assert_eq!(sides(&c5(7.875), C5), Some((3.0, 6.0)));
    assert!(reason(&c5(7.9), C5).contains("above |Q(0)| and the sum of all |g|"));
    // C4: the sum is 3.25 + 2·(Σ p' − Σ d) + 3 g'(0) + 4 g'(1) beside |Q(0) − Vμ|² = 4; known is 6.
    let c4 = |minimum: f64| proved(&Comparison { minima: Some(vec![minimum, 0.5]), ..compared() });
    let at_six = 3.0 - (25.0 - 18.5) / 4.0;
    assert!((sides(&c4(at_six + 1e-9), C4).unwrap().1 - 6.0).abs() < 1e-8);
    assert!(reason(&c4(at_six - 0.01), C4).contains("above |Q(0)|"));
    // D: its 2 beside what no penalty is below.
    let d = |least: f64| proved(&Comparison { least_penalty: Some(least), ..compared() });
    assert_eq!(sides(&d(2.0), D), Some((2.0, 3.0)));
    assert!(reason(&d(2.1), D).contains("no penalty is below"));
    assert_eq!(d(1.0).offline.unwrap().lower_bound, 1.75);
    assert_eq!(d(2.1).offline.unwrap().lower_bound, 2.1);
}

/// A claim that does not hold is never left out: it says that something is wrong.
#[test]
fn claims_that_fail_stay() {
    let better = proved(&Comparison { optimum: Some(actions([(-50.0, -1.0), (-50.0, -1.0)])), ..compared() });
    assert!(better.claim(C3).is_some_and(|claim| !claim.holds));
    let wrong = Comparison { minima: Some(vec![90.0, 90.0]), least_penalty: Some(1e3), ..compared() };
    assert!(proved(&wrong).claim(D).is_some_and(|claim| !claim.holds));
}

#[test]
fn dependent_slots_void_what_is_in_expectation() {
    let proofs = proved(&Comparison { dependence: Some("the states are a trace".into()), ..compared() });
    let c2 = proofs.claim(C2).unwrap();
    assert!(c2.is_void() && c2.assumptions.iter().any(|of| of.statement.ends_with("the states are a trace")));
    assert!(proofs.claims.iter().all(|claim| claim.is_void() == (claim.name == C2)));
    assert!(!proved(&compared()).claim(C2).unwrap().is_void());
}

#[test]
fn frames_without_slack_are_explained() {
    let tight = (1, actions([(4.0, 0.25), (2.0, -1.0)]));
    let found = proved(&Comparison { slater: tight.clone(), ..compared() });
    assert!(reason(&found, C5).contains("in frame 0 the best ones have a sum of g of 0.250 for energy"));
    let known = Some("a node's least energy is above its budget".into());
    let found = proved(&Comparison { slater: tight, without_slack: known, ..compared() });
    assert!(reason(&found, C5).starts_with("a node's least energy is above its budget; nor do"));
}
