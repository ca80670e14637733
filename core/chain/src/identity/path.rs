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

/// A path from a certificate to an authority, whose signatures wait for their verdicts.
#[derive(Clone, Debug)]
pub struct Path {
    steps: Vec<Step>,
}

impl Path {
    /// Finds the path from a certificate over those offered beside it to one of the authorities, checks what needs no
    /// signature, and asks for the signatures. Where several certificates may have issued one, an authority goes before one
    /// offered, and the first before the others.
    ///
    /// # Errors
    /// Why there is no path: the certificate, and what is wrong with it.
    pub fn find(
        certificate: &Certificate,
        offered: &[&Certificate],
        authorities: &[&Certificate],
        user_id: Option<&[u8]>,
        links: &mut Links,
        collector: &mut Collector<'_>,
    ) -> Result<Self, String> {
        let mut chain = vec![certificate];
        let mut current = certificate;
        while !authorities.iter().any(|authority| authority.der == current.der) {
            let issued = |other: &&&Certificate| other.may_have_issued(current) && other.der != current.der;
            let issuer = authorities.iter().find(issued).or_else(|| offered.iter().find(issued)).ok_or_else(|| {
                format!("{}: no path to an authority: {} is not given", certificate.subject_text, current.issuer_text)
            })?;
            if chain.len() == PATH_MAX {
                return Err(format!("{}: more than {PATH_MAX} certificates to an authority", certificate.subject_text));
            }
            chain.push(issuer);
            current = issuer;
        }
        check(&chain)?;
        let steps = chain.iter().enumerate().map(|(at, certificate)| Step {
            subject: certificate.subject_text.clone(),
            valid: (certificate.not_before, certificate.not_after),
            link: chain.get(at + 1).map(|issuer| links.ask(certificate, issuer, user_id, collector)),
        });
        Ok(Self { steps: steps.collect() })
    }

    /// The path's outcome at a time, or at any where none is given; the links must be settled.
    #[must_use]
    pub fn outcome(&self, time: Option<u64>, links: &Links) -> Outcome {
        if let Some(time) = time {
            for Step { subject, valid: (from, to), .. } in &self.steps {
                if time < *from {
                    return Outcome::invalid(format!("{subject}: not valid before {from}, and the time is {time}"));
                }
                if time > *to {
                    return Outcome::invalid(format!("{subject}: not valid after {to}, and the time is {time}"));
                }
            }
        }
        for Step { subject, link, .. } in &self.steps {
            match link.map(|link| links.outcome(link)) {
                Some(Outcome::Invalid(why)) => return Outcome::invalid(format!("{subject}: {why}")),
                Some(Outcome::NotEvaluated(why)) => return Outcome::not_evaluated(format!("{subject}: {why}")),
                Some(Outcome::Valid) | None => {}
            }
        }
        Outcome::Valid
    }
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
