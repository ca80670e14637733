//! Certificates into a path to an authority (RFC 5280, section 6.1), its signatures asked in the same batches as everything
//! else. Names are compared as bytes; policies, name constraints and revocation are not looked at, and a critical extension
//! that is not understood refuses the path.

use std::collections::HashMap;

use super::certificate::Certificate;
use super::key::Asked;
use crate::claims::Collector;
use crate::hash::sha256;
use crate::report::Outcome;

/// Certificates in a path, the authority's own included. Larger: a stranger's file costs more before it is refused.
pub const PATH_MAX: usize = 8;
/// Certificates of one name that are tried as another's issuer. Smaller: an authority renewed more often without key
/// identifiers is not found. Larger: a file of certificates with one name costs more.
const ALTERNATIVES_MAX: usize = 8;
/// Steps that are tried from one certificate, the right ones and those that lead nowhere.
const TRIES_MAX: usize = 64;

/// The signatures of certificates, each asked once however many paths it is in.
#[derive(Debug, Default)]
pub struct Links {
    places: HashMap<[u8; 32], usize>,
    states: Vec<Asked>,
}

impl Links {
    fn ask(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
        user_id: Option<&[u8]>,
        collector: &mut Collector<'_>,
    ) -> usize {
        let digests = [sha256(&certificate.der), sha256(&issuer.key.bytes)].concat();
        *self.places.entry(sha256(&digests)).or_insert_with(|| {
            self.states.push(certificate.signed_by(&issuer.key, user_id, collector));
            self.states.len() - 1
        })
    }

    /// Keeps the verdicts, before the collector forgets them.
    pub fn settle(&mut self, collector: &Collector<'_>) {
        for state in &mut self.states {
            if let Asked::Claim(_) = state {
                *state = Asked::Known(state.outcome(collector));
            }
        }
    }

    fn outcome(&self, link: usize) -> &Outcome {
        match &self.states[link] {
            Asked::Known(outcome) => outcome,
            Asked::Claim(_) => unreachable!("settled first"),
        }
    }
}

/// One certificate of a path.
#[derive(Clone, Debug)]
struct Step {
    subject: String,
    valid: (u64, u64),
    /// Its signature; the authority's own is not asked.
    link: Option<usize>,
}

/// The paths from a certificate to authorities, whose signatures wait for their verdicts. There are several where several
/// certificates have one name and say no key identifier, as an authority's before and after its renewal.
#[derive(Clone, Debug)]
pub struct Path {
    alternatives: Vec<Vec<Step>>,
}

impl Path {
    /// Finds the paths from a certificate over those offered beside it to the authorities, checks what needs no signature,
    /// and asks for the signatures.
    ///
    /// # Errors
    /// Why there is no path: the certificate, and what is wrong with it or with the first path that there might have been.
    pub fn find(
        certificate: &Certificate,
        offered: &[&Certificate],
        authorities: &[&Certificate],
        user_id: Option<&[u8]>,
        links: &mut Links,
        collector: &mut Collector<'_>,
    ) -> Result<Self, String> {
        let trusted = |one: &Certificate| authorities.iter().any(|authority| authority.der == one.der);
        let (mut open, mut alternatives, mut wrong) = (vec![vec![certificate]], Vec::new(), None);
        for _ in 0..TRIES_MAX {
            let Some(chain) = open.pop() else { break };
            let current = chain[chain.len() - 1];
            if trusted(current) {
                match check(&chain) {
                    Ok(()) => alternatives.push(steps(&chain, user_id, links, collector)),
                    Err(why) => _ = wrong.get_or_insert(why),
                }
                continue;
            }
            let beside = offered.iter().filter(|other| !trusted(other));
            let fresh = |other: &&&Certificate| !chain.iter().any(|one| one.der == other.der);
            let issuers = authorities.iter().chain(beside).filter(|other| other.may_have_issued(current)).filter(fresh);
            let issuers: Vec<&&Certificate> = issuers.take(ALTERNATIVES_MAX).collect();
            let subject = &certificate.subject_text;
            if issuers.is_empty() {
                let why = || format!("{subject}: no path to an authority: {} is not given", current.issuer_text);
                wrong.get_or_insert_with(why);
            } else if chain.len() == PATH_MAX {
                wrong.get_or_insert_with(|| format!("{subject}: more than {PATH_MAX} certificates to an authority"));
            } else {
                // The first is tried first.
                open.extend(issuers.into_iter().rev().map(|issuer| [&chain[..], &[*issuer]].concat()));
            }
        }
        match (alternatives.is_empty(), wrong) {
            (true, Some(why)) => Err(why),
            (true, None) => Err(format!("{}: too many ways to an authority", certificate.subject_text)),
            (false, _) => Ok(Self { alternatives }),
        }
    }

    /// The outcome at a time, or at any where none is given; the links must be settled. One path that holds is enough.
    #[must_use]
    pub fn outcome(&self, time: Option<u64>, links: &Links) -> Outcome {
        let mut outcomes: Vec<Outcome> = self.alternatives.iter().map(|steps| walk(steps, time, links)).collect();
        let best = outcomes.iter().position(|outcome| *outcome == Outcome::Valid);
        let best = best.or_else(|| outcomes.iter().position(|outcome| matches!(outcome, Outcome::NotEvaluated(_))));
        outcomes.swap_remove(best.unwrap_or(0))
    }
}

fn steps(
    chain: &[&Certificate],
    user_id: Option<&[u8]>,
    links: &mut Links,
    collector: &mut Collector<'_>,
) -> Vec<Step> {
    let step = |(at, certificate): (usize, &&Certificate)| Step {
        subject: certificate.subject_text.clone(),
        valid: (certificate.not_before, certificate.not_after),
        link: chain.get(at + 1).map(|issuer| links.ask(certificate, issuer, user_id, collector)),
    };
    chain.iter().enumerate().map(step).collect()
}

/// One path's outcome.
fn walk(steps: &[Step], time: Option<u64>, links: &Links) -> Outcome {
    if let Some(time) = time {
        for Step { subject, valid: (from, to), .. } in steps {
            if time < *from {
                return Outcome::invalid(format!("{subject}: not valid before {from}, and the time is {time}"));
            }
            if time > *to {
                return Outcome::invalid(format!("{subject}: not valid after {to}, and the time is {time}"));
            }
        }
    }
    for Step { subject, link, .. } in steps {
        match link.map(|link| links.outcome(link)) {
            Some(Outcome::Invalid(why)) => return Outcome::invalid(format!("{subject}: {why}")),
            Some(Outcome::NotEvaluated(why)) => return Outcome::not_evaluated(format!("{subject}: {why}")),
            Some(Outcome::Valid) | None => {}
        }
    }
    Outcome::Valid
}

/// What a path must satisfy without any signature, the last certificate being the authority.
fn check(chain: &[&Certificate]) -> Result<(), String> {
    for (at, certificate) in chain.iter().enumerate() {
        let subject = &certificate.subject_text;
        if let Some(why) = &certificate.refused {
            return Err(format!("{subject}: {why}"));
        }
        if at == 0 {
            continue;
        }
        // Section 6.1.4 (k) to (n); a certificate issued to oneself does not count for the length.
        let between = chain[1..at].iter().filter(|certificate| certificate.subject != certificate.issuer).count();
        let Some(length) = certificate.authority else {
            return Err(format!("{subject}: issues certificates without being an authority"));
        };
        if let Some(length) = length.filter(|length| between > usize::from(*length)) {
            return Err(format!("{subject}: its path length is {length}, and {between} authorities stand below it"));
        }
        if certificate.signs_certificates == Some(false) {
            return Err(format!("{subject}: its key may not sign certificates"));
        }
    }
    Ok(())
}
