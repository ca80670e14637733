//! The trait each system implements, and the way of many files through it.

use assay_scheme::Verifier;

use crate::claims::Collector;
use crate::input::InputError;
use crate::report::{Detail, Report};

/// One system's rules over one run of files.
///
/// `read` is called once a file, and makes claims; `judge` after them, when every claim made since the last `judge` has its
/// verdict. Local checks are reported by `read` at once. A profile may keep what later files need (previous outputs).
pub trait Profile {
    /// Parses a file, reports what needs no signature, claims what does. What was read before an error stays claimed.
    ///
    /// # Errors
    /// Where and why the bytes are not what this system writes.
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError>;

    /// Makes the claims that hang on earlier ones' answers (a second signer that signed the first one's address). Called
    /// once the claims of `read` have their verdicts; those made here have theirs before `judge`.
    fn follow_up(&mut self, _collector: &mut Collector<'_>) {}

    /// Turns the verdicts into the chain's own outcomes, and forgets the claims.
    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report);
}

/// Runs files, as (name, bytes), through a profile as one stream of large batches. A file that could not be fetched comes as
/// its error's text; it is reported like one that could not be read, and the others still run.
pub fn verify_files(
    profile: &mut dyn Profile,
    files: impl IntoIterator<Item = (String, Result<Vec<u8>, String>)>,
    verifier: &dyn Verifier,
    detail: Detail,
) -> Report {
    verify_files_with(profile, files, verifier, detail, |_| {})
}

/// The same, showing the report each time findings may have come: whoever runs many files takes them out of it there, so
/// that they need not all be held until the end.
pub fn verify_files_with(
    profile: &mut dyn Profile,
    files: impl IntoIterator<Item = (String, Result<Vec<u8>, String>)>,
    verifier: &dyn Verifier,
    detail: Detail,
    mut show: impl FnMut(&mut Report),
) -> Report {
    let mut report = Report::new(detail);
    let mut collector = Collector::new(verifier);
    for (name, bytes) in files {
        report.files += 1;
        let read = bytes.and_then(|bytes| {
            profile.read(&name, &bytes, &mut collector, &mut report).map_err(|error| error.to_string())
        });
        if let Err(why) = read {
            report.unreadable(name, why);
        }
        if collector.is_full() {
            settle(profile, &mut collector, &mut report);
            show(&mut report);
        }
    }
    settle(profile, &mut collector, &mut report);
    report.fault = collector.fault().map(ToString::to_string);
    show(&mut report);
    report
}

fn settle(profile: &mut dyn Profile, collector: &mut Collector<'_>, report: &mut Report) {
    collector.settle();
    profile.follow_up(collector);
    collector.settle();
    report.unanswered += collector.unanswered();
    profile.judge(collector, report);
    collector.clear();
}
