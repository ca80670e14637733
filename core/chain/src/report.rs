//! What was found: how many items of each outcome, which checks held, and a finding for each culprit.

use std::collections::BTreeMap;

use assay_scheme::Verdict;

/// How much a report keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// A finding for what is invalid and each failed check; the reasons of what was not evaluated are counted.
    #[default]
    Findings,
    /// A finding for every item, valid ones too.
    Items,
}

/// What became of one item, in the chain's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The chain's rules accept it.
    Valid,
    /// The chain's rules refuse it, and why.
    Invalid(String),
    /// Not covered, not given or not answered, and why.
    NotEvaluated(String),
}

impl Outcome {
    /// Refused for this reason.
    #[must_use]
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// Not evaluated for this reason.
    #[must_use]
    pub fn not_evaluated(why: impl Into<String>) -> Self {
        Self::NotEvaluated(why.into())
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid => Self::Valid,
            Verdict::Invalid(reason) => Self::Invalid(format!("signature refused: {}", reason.name())),
            Verdict::NotEvaluated(cause) => Self::NotEvaluated(cause.name().into()),
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The item is valid (kept with [`Detail::Items`] alone).
    Valid,
    /// The item is invalid.
    Invalid,
    /// The item was not evaluated (kept with [`Detail::Items`] alone).
    NotEvaluated,
    /// This check failed.
    Check(&'static str),
    /// The file, or what is left of it, could not be read.
    Unreadable,
}

impl What {
    /// The word for people and for JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::NotEvaluated => "not-evaluated",
            Self::Check(name) => name,
            Self::Unreadable => "unreadable",
        }
    }
}

/// One culprit, or one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one: file, block, transaction, input, vote.
    pub subject: String,
    /// What is said of it.
    pub what: What,
    /// Why; empty for what is valid.
    pub why: String,
}

/// How often a check held and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Times it held.
    pub ok: usize,
    /// Times it failed.
    pub failed: usize,
}

/// How a run ends for the caller's shell: the exit codes of `assay chain verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing evaluated is invalid: 0.
    AsExpected,
    /// Something is invalid, the verifier left something unanswered, or strictness makes not evaluated count: 1.
    NotAsExpected,
    /// A file could not be read, or nothing at all was evaluated: 2.
    Input,
}

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    detail: Detail,
    /// Files read.
    pub files: usize,
    /// Items: what carries a signature (an input, a vote, a transaction).
    pub items: usize,
    /// Items the chain's rules accept.
    pub valid: usize,
    /// Items the chain's rules refuse.
    pub invalid: usize,
    /// Items not covered, not given or not answered.
    pub not_evaluated: usize,
    /// Why items were not evaluated, and how many for each reason.
    pub not_evaluated_why: BTreeMap<String, usize>,
    /// Checks by name: what needs no signature, and what follows from several.
    pub checks: BTreeMap<&'static str, Tally>,
    /// Culprits in the order found, and every item with [`Detail::Items`].
    pub findings: Vec<Finding>,
    /// What else is worth knowing (the power behind a commit), kept with [`Detail::Items`] alone.
    pub notes: Vec<String>,
    /// Files that could not be read to their end.
    pub unreadable: usize,
    /// The verifier's fault, if it had one: what it left unanswered is not evaluated.
    pub fault: Option<String>,
    /// Signatures that the verifier was to answer for and gave no verdict.
    pub unanswered: usize,
}

/// The summary line, field by field in its order.
#[derive(serde::Serialize)]
struct Summary<'a> {
    files: usize,
    items: usize,
    valid: usize,
    invalid: usize,
    not_evaluated: usize,
    checks: &'a BTreeMap<&'static str, Tally>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(detail: Detail) -> Self {
        Self { detail, ..Self::default() }
    }

    /// Counts an item. `subject` is called only when the item is written down.
    pub fn item(&mut self, subject: impl FnOnce() -> String, outcome: Outcome) {
        self.items += 1;
        let (what, why, keep) = match outcome {
            Outcome::Valid => {
                self.valid += 1;
                (What::Valid, String::new(), false)
            }
            Outcome::Invalid(why) => {
                self.invalid += 1;
                (What::Invalid, why, true)
            }
            Outcome::NotEvaluated(why) => {
                self.not_evaluated += 1;
                match self.not_evaluated_why.get_mut(&why) {
                    Some(count) => *count += 1,
                    None => {
                        self.not_evaluated_why.insert(why.clone(), 1);
                    }
                }
                (What::NotEvaluated, why, false)
            }
        };
        if keep || self.detail == Detail::Items {
            self.findings.push(Finding { subject: subject(), what, why });
        }
    }

    /// Counts a check, with a finding when it fails.
    pub fn check(&mut self, name: &'static str, subject: impl FnOnce() -> String, outcome: Result<(), String>) {
        let tally = self.checks.entry(name).or_default();
        match outcome {
            Ok(()) => tally.ok += 1,
            Err(why) => {
                tally.failed += 1;
                self.findings.push(Finding { subject: subject(), what: What::Check(name), why });
            }
        }
    }

    /// Keeps a note, with [`Detail::Items`] alone.
    pub fn note(&mut self, note: impl FnOnce() -> String) {
        if self.detail == Detail::Items {
            self.notes.push(note());
        }
    }

    /// Counts a file that could not be read to its end.
    pub fn unreadable(&mut self, subject: impl Into<String>, why: impl Into<String>) {
        self.unreadable += 1;
        self.findings.push(Finding { subject: subject.into(), what: What::Unreadable, why: why.into() });
    }

    /// Whether any check failed.
    #[must_use]
    pub fn checks_failed(&self) -> bool {
        self.checks.values().any(|tally| tally.failed > 0)
    }

    /// How the run ends; `strict` turns not evaluated into not as expected.
    #[must_use]
    pub fn ending(&self, strict: bool) -> Ending {
        let evaluated = self.valid + self.invalid + self.checks.values().map(|t| t.ok + t.failed).sum::<usize>();
        if self.unreadable > 0 || evaluated == 0 {
            Ending::Input
        } else if self.invalid > 0
            || self.checks_failed()
            || self.unanswered > 0
            || self.fault.is_some()
            || (strict && self.not_evaluated > 0)
        {
            Ending::NotAsExpected
        } else {
            Ending::AsExpected
        }
    }

    /// `{"files":…,"items":…,"valid":…,"invalid":…,"not_evaluated":…,"checks":{…}}`, one line.
    #[must_use]
    pub fn summary_json(&self) -> String {
        let summary = Summary {
            files: self.files,
            items: self.items,
            valid: self.valid,
            invalid: self.invalid,
            not_evaluated: self.not_evaluated,
            checks: &self.checks,
        };
        serde_json::to_string(&summary).expect("numbers and static names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_its_fields_in_order() {
        let mut report = Report::new(Detail::Findings);
        report.files = 1;
        report.item(|| unreachable!("valid items are not written down"), Outcome::Valid);
        report.item(|| "tx 1 input 0".into(), Outcome::invalid("signature refused: equation"));
        report.item(|| unreachable!(), Outcome::not_evaluated("not given"));
        report.check("merkle", || unreachable!(), Ok(()));
        report.check("pow", || "block 2".into(), Err("above its target".into()));
        assert_eq!(
            report.summary_json(),
            r#"{"files":1,"items":3,"valid":1,"invalid":1,"not_evaluated":1,"checks":{"merkle":{"ok":1,"failed":0},"pow":{"ok":0,"failed":1}}}"#
        );
        assert_eq!(report.findings.len(), 2);
        assert_eq!(report.findings[1].what.name(), "pow");
        assert_eq!(report.not_evaluated_why["not given"], 1);
    }

    #[test]
    fn endings_outrank_one_another() {
        let mut report = Report::default();
        assert_eq!(report.ending(false), Ending::Input, "nothing evaluated");
        report.item(String::new, Outcome::not_evaluated("x"));
        assert_eq!(report.ending(true), Ending::Input, "still nothing evaluated");
        report.item(String::new, Outcome::Valid);
        assert_eq!(report.ending(false), Ending::AsExpected);
        assert_eq!(report.ending(true), Ending::NotAsExpected);
        let broke_off = Report { fault: Some("gone".into()), ..report.clone() };
        assert_eq!(broke_off.ending(false), Ending::NotAsExpected, "what was not answered is no success");
        report.item(String::new, Outcome::invalid("x"));
        assert_eq!(report.ending(false), Ending::NotAsExpected);
        report.unreadable("file", "cut");
        assert_eq!(report.ending(false), Ending::Input);
    }
}
