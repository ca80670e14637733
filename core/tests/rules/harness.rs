//! Items in, verdicts out, the same from every backend and however a bundle is cut.

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, LazyLock};

use assay_core::backend::{BackendName, GpuChoice, Output, detect};
use assay_core::reference::Reference;
use assay_core::{Backend, Bundle, Results};
use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::{Columns, ColumnsBuilder, Hash, Parameters, Reason, Row, Verdict};

pub(crate) const VALID: Verdict = Verdict::Valid;
pub(crate) const EQUATION: Verdict = Verdict::Invalid(Reason::Equation);
pub(crate) const KEY: Verdict = Verdict::Invalid(Reason::Key);
pub(crate) const SIGNATURE: Verdict = Verdict::Invalid(Reason::Signature);
pub(crate) const MESSAGE: Verdict = Verdict::Invalid(Reason::Message);

/// Every backend that this build has and this machine can run. The first is the oracle.
fn backends() -> &'static [Arc<dyn Backend>] {
    static ALL: LazyLock<Vec<Arc<dyn Backend>>> = LazyLock::new(|| {
        let mut all: Vec<Arc<dyn Backend>> = vec![Arc::new(Reference::new())];
        for detected in detect(GpuChoice::Software) {
            match detected.backend() {
                Ok(backend) if backend.name() != BackendName::Reference => {
                    backend.prepare(&Row::ALL, &|_| ControlFlow::Continue(()));
                    all.push(Arc::clone(backend));
                }
                Err(reason) if detected.name() == BackendName::Gpu => {
                    let is_skipped = std::env::var_os("ASSAY_SKIP_GPU").is_some();
                    assert!(is_skipped, "{reason}; ASSAY_SKIP_GPU=1 leaves the GPU out");
                }
                _ => {}
            }
        }
        all
    });
    &ALL
}

/// Items of one row and one set of parameters.
pub(crate) struct Batch {
    pub(crate) parameters: Parameters,
    encoder: Encoder,
    columns: ColumnsBuilder,
}

impl Batch {
    pub(crate) fn new(row: Row) -> Self {
        Self::written(row, SignatureFormat::Raw)
    }

    /// With signatures in this format.
    pub(crate) fn written(row: Row, format: SignatureFormat) -> Self {
        Self {
            parameters: Parameters::default(),
            encoder: Encoder::new(row.operation(), format).expect("a format of the row"),
            columns: ColumnsBuilder::new(row.operation()),
        }
    }

    pub(crate) fn hash(mut self, hash: Hash) -> Self {
        self.parameters.hash = Some(hash);
        self
    }

    pub(crate) fn user_id(mut self, user_id: &[u8]) -> Self {
        self.parameters.user_id = Some(user_id.into());
        self
    }

    pub(crate) fn context(mut self, context: &[u8]) -> Self {
        self.parameters.context = Some(context.into());
        self
    }

    pub(crate) fn output(mut self, output: assay_scheme::Output) -> Self {
        self.parameters.output = output;
        self
    }

    /// Adds an item as a user would write it.
    pub(crate) fn push(&mut self, key: &[u8], signature: &[u8], message: &[u8]) {
        self.encoder.push_item(&mut self.columns, key, signature, message);
    }

    /// Adds an item of a row that groups.
    pub(crate) fn push_group(&mut self, keys: &[&[u8]], signature: &[u8], messages: &[&[u8]]) {
        self.encoder.push_group(&mut self.columns, keys, signature, messages);
    }

    /// Adds an item as it stands in the columns, around the encoder.
    pub(crate) fn push_column(&mut self, form: u8, key: &[u8], signature: &[u8], message: &[u8]) {
        self.columns.push(form, key, signature, message);
    }

    /// Adds an item refused in encoding.
    pub(crate) fn refuse(&mut self, reason: Reason) {
        self.columns.refuse(reason);
    }

    pub(crate) fn results(self) -> Results {
        run(self.parameters, vec![self.columns.build().expect("items of a request")])
    }

    pub(crate) fn verdicts(self) -> Vec<Verdict> {
        let results = self.results();
        (0..results.items()).map(|item| results.verdict(item)).collect()
    }

    /// The values, or why there is none.
    pub(crate) fn values(self) -> Vec<Result<Vec<u8>, Verdict>> {
        let results = self.results();
        (0..results.items())
            .map(|item| match results.verdict(item) {
                Verdict::Valid => Ok(results.value(item).to_vec()),
                verdict => Err(verdict),
            })
            .collect()
    }
}

/// The verdict of one item, as a user would write it.
pub(crate) fn verdict(row: Row, key: &[u8], signature: &[u8], message: &[u8]) -> Verdict {
    let mut batch = Batch::new(row);
    batch.push(key, signature, message);
    batch.verdicts()[0]
}

/// The oracle's results, after every backend that serves the row gave the same in two pieces, and each item without a
/// value was left at zeros.
pub(crate) fn run(parameters: Parameters, segments: Vec<Columns>) -> Results {
    let bundle = Bundle::new(parameters, segments).expect("parameters of the row");
    let items = bundle.items();
    let all = backends();
    let expected = compute(all[0].as_ref(), &bundle, 0..items);
    for backend in all.iter().filter(|backend| backend.serves(bundle.operation().row)) {
        let cut = items / 3;
        let mut pieces = compute(backend.as_ref(), &bundle, 0..cut);
        let rest = compute(backend.as_ref(), &bundle, cut..items);
        pieces.verdicts.extend(rest.verdicts);
        pieces.values.extend(rest.values);
        assert_eq!(pieces, expected, "{} cut at {cut} of {items}", backend.name().name());
    }
    for item in 0..items {
        assert!(!matches!(expected.verdict(item), Verdict::NotEvaluated(_)), "item {item} was left out");
        if !expected.verdict(item).is_valid() {
            assert!(expected.value(item).iter().all(|byte| *byte == 0), "item {item} has a value and is invalid");
        }
    }
    expected
}

fn compute(backend: &dyn Backend, bundle: &Bundle, range: Range<usize>) -> Results {
    let mut results = Results::unwritten(range.len(), bundle.value_width());
    let out = Output { verdicts: &mut results.verdicts, values: &mut results.values, width: results.width };
    backend.compute(bundle, range, out).expect("a backend that serves the row computes it");
    results
}

/// Bytes from hex, of vectors.
pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap_or_else(|error| panic!("{hex}: {error}"))
}

/// a - b of big-endian numbers of one length, a >= b.
pub(crate) fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = a.to_vec();
    let mut borrow = 0;
    for (a, b) in difference.iter_mut().zip(b).rev() {
        let next = i16::from(*a) - i16::from(*b) - borrow;
        *a = next.rem_euclid(256) as u8;
        borrow = i16::from(next < 0);
    }
    assert_eq!(borrow, 0, "a is below b");
    difference
}

/// Bytes from base64, of vectors.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} in base64"),
    };
    let digits: Vec<u32> = text.bytes().filter(|digit| *digit != b'=').map(|digit| u32::from(value(digit))).collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}
