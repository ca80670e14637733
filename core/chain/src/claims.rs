//! Claims of many files, gathered into large columns, and their verdicts.
//!
//! A claim says: under this row and these parameters, this key signed this message so. A profile keeps the [`Claim`] it got
//! beside what the claim is about, so that a verdict finds its culprit without a name being written for every claim.

use std::collections::VecDeque;

use assay_scheme::limits::ITEMS_MAX;
use assay_scheme::registry::Grouping;
use assay_scheme::{Asked, Cause, ColumnsBuilder, Parameters, Reason, Row, Verdict, Verifier, VerifierFault};

/// Claims held between two [`Collector::settle`]s before [`Collector::is_full`] asks for one. Smaller: rounds end with
/// part-filled batches more often. Larger: more verdicts and labels wait in memory (about 40 bytes a claim), and findings
/// come later.
const CLAIMS_MAX: usize = 1 << 20;

/// One claim's place. Claims pushed one after another have consecutive places, see [`Claim::plus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim(u32);

impl Claim {
    /// The claim pushed `n` after this one.
    #[must_use]
    pub fn plus(self, n: usize) -> Self {
        Self(self.0 + u32::try_from(n).expect("fewer claims than CLAIMS_MAX between settlements"))
    }
}

#[derive(Clone, Copy)]
struct Answer {
    verdict: u8,
    value: usize,
}

struct Stream {
    row: Row,
    parameters: Parameters,
    builder: ColumnsBuilder,
    claims: Vec<u32>,
    /// The verifier does not serve this row, so it is not asked again.
    closed: bool,
}

/// A request that is under way.
struct Flight<'v> {
    stream: usize,
    claims: Vec<u32>,
    /// Bytes of a value.
    width: usize,
    asked: Asked<'v>,
}

/// Whether nothing more is to be had from a verifier that faulted so.
fn is_final(fault: &VerifierFault) -> bool {
    matches!(fault, VerifierFault::Unavailable(_))
}

/// Gathers claims, asks the verifier as soon as a request's worth is there, keeps the verdicts. As many requests are under
/// way at once as the verifier likes, while more claims are gathered.
pub struct Collector<'v> {
    verifier: &'v dyn Verifier,
    batch_items: usize,
    streams: Vec<Stream>,
    flights: VecDeque<Flight<'v>>,
    answers: Vec<Answer>,
    values: Vec<u8>,
    fault: Option<VerifierFault>,
    batches: usize,
}

impl<'v> Collector<'v> {
    /// A collector whose requests are as large as the verifier likes them.
    #[must_use]
    pub fn new(verifier: &'v dyn Verifier) -> Self {
        Self::with_batch_items(verifier, verifier.request_items())
    }

    /// A collector that asks as soon as it has `batch_items` (1 to [`ITEMS_MAX`]) of one kind.
    #[must_use]
    pub fn with_batch_items(verifier: &'v dyn Verifier, batch_items: usize) -> Self {
        Self {
            verifier,
            batch_items: batch_items.clamp(1, ITEMS_MAX as usize),
            streams: Vec::new(),
            flights: VecDeque::new(),
            answers: Vec::new(),
            values: Vec::new(),
            fault: None,
            batches: 0,
        }
    }

    /// A claim of a row that does not group. `form`, `key` and `signature` are in the row's canonical form.
    pub fn push(
        &mut self,
        row: Row,
        parameters: &Parameters,
        form: u8,
        key: &[u8],
        signature: &[u8],
        message: &[u8],
    ) -> Claim {
        self.add(row, parameters, message.len(), 1, |builder| builder.push(form, key, signature, message))
    }

    /// A claim of a row that groups: several keys, or messages, or both.
    pub fn push_group(
        &mut self,
        row: Row,
        parameters: &Parameters,
        keys: &[&[u8]],
        signature: &[u8],
        messages: &[&[u8]],
    ) -> Claim {
        let bytes = messages.iter().map(|message| message.len()).sum::<usize>();
        let entries = keys.len().max(messages.len());
        self.add(row, parameters, bytes, entries, |builder| builder.push_group(0, keys, signature, messages))
    }

    /// A claim that was refused while its key, signature or message was put into canonical form.
    pub fn refuse(&mut self, row: Row, parameters: &Parameters, reason: Reason) -> Claim {
        self.add(row, parameters, 64, 1, |builder| builder.refuse(reason))
    }

    /// A claim whose parts were put into canonical form, or not.
    pub fn push_or_refuse(
        &mut self,
        row: Row,
        parameters: &Parameters,
        parts: Result<(u8, &[u8], &[u8]), Reason>,
        message: &[u8],
    ) -> Claim {
        match parts {
            Ok((form, key, signature)) => self.push(row, parameters, form, key, signature, message),
            Err(reason) => self.refuse(row, parameters, reason),
        }
    }

    fn add(
        &mut self,
        row: Row,
        parameters: &Parameters,
        message_bytes: usize,
        entries: usize,
        push: impl FnOnce(&mut ColumnsBuilder),
    ) -> Claim {
        let operation = row.operation();
        let index = match self.streams.iter().position(|s| s.row == row && s.parameters == *parameters) {
            Some(index) => index,
            None => {
                let builder = ColumnsBuilder::new(operation);
                let parameters = parameters.clone();
                self.streams.push(Stream { row, parameters, builder, claims: Vec::new(), closed: false });
                self.streams.len() - 1
            }
        };
        let keys = if operation.grouping == Grouping::Single { 1 } else { entries };
        let bytes = message_bytes + keys * operation.key_len + operation.signature_len;
        let stream = &self.streams[index];
        if stream.builder.items() >= self.batch_items || !stream.builder.fits(bytes, entries) {
            self.send(index);
        }
        let claim = u32::try_from(self.answers.len()).expect("settled before there are CLAIMS_MAX claims and a file's");
        self.answers.push(Answer { verdict: Verdict::NotEvaluated(Cause::Unwritten).to_byte(), value: 0 });
        let stream = &mut self.streams[index];
        stream.claims.push(claim);
        if stream.builder.items() == 0 && !stream.builder.fits(bytes, entries) {
            // One item larger than a request may be: it can be said, and not asked. It keeps its "not evaluated".
            stream.claims.pop();
        } else {
            push(&mut stream.builder);
        }
        Claim(claim)
    }

    /// Sends a stream's claims, and lets the oldest request land while too many are under way. After a fault nothing more
    /// is asked.
    fn send(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        let builder = std::mem::replace(&mut stream.builder, ColumnsBuilder::new(stream.row.operation()));
        let claims = std::mem::take(&mut stream.claims);
        if claims.is_empty() || stream.closed || self.fault.as_ref().is_some_and(is_final) {
            return;
        }
        let width = stream.row.operation().value_width(stream.parameters.output);
        let asked = match builder.build() {
            Ok(columns) => self.verifier.ask(columns, &stream.parameters),
            Err(error) => Asked::new(move || Err(VerifierFault::Unavailable(format!("columns: {error}")))),
        };
        self.batches += 1;
        self.flights.push_back(Flight { stream: index, claims, width: width.unwrap_or(0), asked });
        while self.flights.len() >= self.verifier.requests_in_flight().max(1) {
            self.land();
        }
    }

    /// Waits for the oldest request, and keeps its answers.
    fn land(&mut self) {
        let Some(Flight { stream, claims, width, asked }) = self.flights.pop_front() else { return };
        let answered = asked.wait().and_then(|answers| {
            if answers.are(claims.len(), width) {
                Ok(answers)
            } else {
                Err(VerifierFault::Unavailable("answers of another shape than the question".into()))
            }
        });
        match answered {
            Err(fault) => {
                self.streams[stream].closed = true;
                // A row that is not served says less than a verifier that is gone.
                if !self.fault.as_ref().is_some_and(is_final) {
                    self.fault = Some(fault);
                }
            }
            Ok(answers) => {
                let base = self.values.len();
                self.values.extend_from_slice(&answers.values);
                for (item, claim) in claims.into_iter().enumerate() {
                    self.answers[claim as usize] =
                        Answer { verdict: answers.verdict(item).to_byte(), value: base + item * answers.width };
                }
            }
        }
    }

    /// Asks for everything that is still waiting, and waits for every answer.
    pub fn settle(&mut self) {
        for index in 0..self.streams.len() {
            self.send(index);
        }
        while !self.flights.is_empty() {
            self.land();
        }
    }

    /// Settled claims that have no verdict: a fault's, those behind it, and what the verifier itself left unanswered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        let answered = |byte| matches!(Verdict::from_byte(byte), Some(Verdict::Valid | Verdict::Invalid(_)));
        self.answers.iter().filter(|answer| !answered(answer.verdict)).count()
    }

    /// Forgets the claims and their verdicts, once they have been judged.
    pub fn clear(&mut self) {
        debug_assert!(self.streams.iter().all(|stream| stream.claims.is_empty()), "settled first");
        self.answers.clear();
        self.values.clear();
    }

    /// Whether so many claims wait that they should be settled and judged before the next file is read.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.answers.len() >= CLAIMS_MAX
    }

    /// A settled claim's verdict; not evaluated where the verifier faulted.
    #[must_use]
    pub fn verdict(&self, claim: Claim) -> Verdict {
        Verdict::from_byte(self.answers[claim.0 as usize].verdict).unwrap_or(Verdict::NotEvaluated(Cause::BackendFault))
    }

    /// A settled claim's value, `width` bytes; `None` unless the claim is valid.
    #[must_use]
    pub fn value(&self, claim: Claim, width: usize) -> Option<&[u8]> {
        let answer = self.answers[claim.0 as usize];
        self.verdict(claim).is_valid().then(|| self.values.get(answer.value..answer.value + width)).flatten()
    }

    /// The fault: from then on nothing was asked; of a row that is not served, nothing of that row.
    #[must_use]
    pub fn fault(&self) -> Option<&VerifierFault> {
        self.fault.as_ref()
    }

    /// Requests made.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_scheme::{Answers, Columns, Hash};
    use std::cell::RefCell;

    /// Says valid to messages of even length; a recovered value is the message's first byte throughout.
    #[derive(Default)]
    struct Even {
        asked: RefCell<Vec<usize>>,
        fault_at: Option<usize>,
    }

    impl Verifier for Even {
        fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
            if self.fault_at == Some(self.asked.borrow().len()) {
                return Err(VerifierFault::Unavailable("gone".into()));
            }
            self.asked.borrow_mut().push(columns.items());
            let width = columns.operation().value_width(parameters.output).expect("offered");
            let mut answers = Answers { width, ..Answers::default() };
            for item in 0..columns.items() {
                let message = columns.message(item);
                let verdict = match columns.form(item) {
                    Err(reason) => Verdict::Invalid(reason),
                    Ok(_) if message.len().is_multiple_of(2) => Verdict::Valid,
                    Ok(_) => Verdict::Invalid(Reason::Equation),
                };
                answers.verdicts.push(verdict.to_byte());
                answers.values.resize(answers.values.len() + width, message.first().copied().unwrap_or(0));
            }
            Ok(answers)
        }
    }

    const ROW: Row = Row::Ed25519Ref10;

    #[test]
    fn verdicts_find_their_claims_over_many_batches_and_streams() {
        let verifier = Even::default();
        let mut collector = Collector::with_batch_items(&verifier, 3);
        let plain = Parameters::default();
        let mut claims = Vec::new();
        for i in 0..10_usize {
            claims.push(collector.push(ROW, &plain, 0, &[0; 32], &[0; 64], &vec![7; i]));
            claims.push(collector.push(
                Row::RecoverSecp256k1,
                &Parameters::hashed(Hash::Keccak256),
                0,
                &[],
                &[0; 65],
                &[u8::try_from(i).expect("small"); 2],
            ));
        }
        let refused = collector.refuse(ROW, &plain, Reason::Key);
        collector.settle();
        for i in 0..10 {
            assert_eq!(collector.verdict(claims[2 * i]).is_valid(), i % 2 == 0);
            let value = [u8::try_from(i).expect("small"); 64];
            assert_eq!(collector.value(claims[2 * i + 1], 64), Some(&value[..]));
        }
        assert_eq!(collector.verdict(refused), Verdict::Invalid(Reason::Key));
        assert_eq!(claims[0].plus(4), claims[4]);
        assert!(verifier.asked.borrow().iter().all(|items| *items <= 3));
        assert_eq!(verifier.asked.borrow().iter().sum::<usize>(), 21);
    }

    #[test]
    fn after_a_fault_nothing_is_valid_and_nothing_more_is_asked() {
        let verifier = Even { fault_at: Some(1), ..Even::default() };
        let mut collector = Collector::with_batch_items(&verifier, 2);
        let claims: Vec<_> =
            (0..6).map(|_| collector.push(ROW, &Parameters::default(), 0, &[0; 32], &[0; 64], b"even")).collect();
        collector.settle();
        assert!(collector.verdict(claims[1]).is_valid());
        assert!(claims[2..].iter().all(|claim| matches!(collector.verdict(*claim), Verdict::NotEvaluated(_))));
        assert!(collector.fault().is_some());
        assert_eq!(verifier.asked.borrow().len(), 1);
    }

    /// [`Even`] with three requests under way, which it answers only when it is waited for; and without BLS.
    #[derive(Default)]
    struct Later {
        even: Even,
        under_way: std::cell::Cell<usize>,
        most: std::cell::Cell<usize>,
    }

    impl Verifier for Later {
        fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
            if columns.operation().row == Row::BlsMinPkPop {
                return Err(VerifierFault::NotServed(columns.operation().name));
            }
            self.even.answer(columns, parameters)
        }

        fn ask<'v>(&'v self, columns: Columns, parameters: &Parameters) -> Asked<'v> {
            self.under_way.set(self.under_way.get() + 1);
            self.most.set(self.most.get().max(self.under_way.get()));
            let parameters = parameters.clone();
            Asked::new(move || {
                self.under_way.set(self.under_way.get() - 1);
                self.answer(&columns, &parameters)
            })
        }

        fn request_items(&self) -> usize {
            2
        }

        fn requests_in_flight(&self) -> usize {
            3
        }
    }

    #[test]
    fn several_requests_are_under_way_and_a_row_that_is_not_served_takes_no_other_with_it() {
        let verifier = Later::default();
        let mut collector = Collector::new(&verifier);
        let plain = Parameters::default();
        let mut claims = Vec::new();
        let mut unserved = Vec::new();
        for i in 0..20_usize {
            unserved.push(collector.push(Row::BlsMinPkPop, &plain, 0, &[0; 48], &[0; 96], b"even"));
            claims.push(collector.push(ROW, &plain, 0, &[0; 32], &[0; 64], &vec![7; i]));
        }
        collector.settle();
        assert_eq!(verifier.most.get(), 3);
        assert_eq!(verifier.even.asked.borrow().iter().sum::<usize>(), 20);
        for (i, claim) in claims.iter().enumerate() {
            assert_eq!(collector.verdict(*claim).is_valid(), i % 2 == 0, "{i}");
        }
        assert!(unserved.iter().all(|claim| matches!(collector.verdict(*claim), Verdict::NotEvaluated(_))));
        assert_eq!(collector.unanswered(), 20);
        assert_eq!(collector.fault().map(VerifierFault::name), Some("not-served"));
    }

    #[test]
    fn an_item_larger_than_a_request_is_not_evaluated() {
        let verifier = Even::default();
        let mut collector = Collector::new(&verifier);
        let huge = vec![0; assay_scheme::limits::BODY_BYTES_MAX as usize];
        let claim = collector.push(ROW, &Parameters::default(), 0, &[0; 32], &[0; 64], &huge);
        let small = collector.push(ROW, &Parameters::default(), 0, &[0; 32], &[0; 64], b"ok");
        collector.settle();
        assert!(matches!(collector.verdict(claim), Verdict::NotEvaluated(_)));
        assert!(collector.verdict(small).is_valid());
    }
}
