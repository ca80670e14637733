//! Reads `answers.txt` and `proofs.txt`, which are built in: a line it cannot read is a mistake in its file, and every test
//! finds it.

use std::sync::Arc;

use assay_scheme::registry::Grouping;
use assay_scheme::{ColumnsBuilder, Hash, Operation, Output, Parameters, Reason, Verdict};

use super::KnownAnswer;
use crate::batch::{Bundle, Results};

const TEXTS: [&str; 2] = [include_str!("answers.txt"), include_str!("proofs.txt")];

/// What is too long for a line.
const FILES: [(&str, &[u8]); 3] = [
    ("ml-dsa-65.key", include_bytes!("ml-dsa-65.key")),
    ("ml-dsa-65.signature", include_bytes!("ml-dsa-65.signature")),
    ("ml-dsa-65-context.signature", include_bytes!("ml-dsa-65-context.signature")),
];

/// An item as the lines before it set it.
#[derive(Clone, Default)]
struct Item {
    form: u8,
    keys: Vec<Vec<u8>>,
    signature: Vec<u8>,
    messages: Vec<Vec<u8>>,
    refused: Option<Reason>,
}

/// A bundle being read.
struct Reading {
    parameters: Parameters,
    operation: &'static Operation,
    all: Part,
    quick: Part,
    item: Item,
}

/// Items and what is expected of them.
struct Part {
    columns: ColumnsBuilder,
    results: Results,
}

/// Bytes of the longest message that is hashed as quickly as most.
const QUICK_MESSAGE_BYTES: usize = 128;

/// Every bundle of the file.
pub(super) fn read() -> Vec<KnownAnswer> {
    let mut read = Vec::new();
    let mut reading: Option<Reading> = None;
    for line in TEXTS.iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, &mut reading) {
            ("row", _) => read.extend(reading.replace(Reading::row(rest)).map(Reading::finish)),
            ("=" | "=rare", Some(reading)) => reading.expect(rest, word == "=rare"),
            (field, Some(reading)) => reading.item.set(field, rest),
            (_, None) => panic!("answers.txt begins with a row: {line}"),
        }
    }
    read.extend(reading.map(Reading::finish));
    read
}

impl Reading {
    fn row(line: &str) -> Self {
        let mut words = line.split(' ');
        let operation = words.next().and_then(Operation::from_name).expect("answers.txt names rows of the registry");
        let mut parameters = Parameters::default();
        for (name, value) in words.map(|word| word.split_once('=').expect("a parameter is NAME=VALUE")) {
            match name {
                "hash" => parameters.hash = Some(Hash::from_name(value).expect("a hash of the registry")),
                "user-id" => parameters.user_id = Some(Arc::from(entries(value, &[]).concat())),
                "context" => parameters.context = Some(Arc::from(entries(value, &[]).concat())),
                "output" => parameters.output = Output::Address,
                _ => panic!("answers.txt: {name} is no parameter"),
            }
        }
        let width = operation.value_width(parameters.output).expect("an output the row has");
        let none = || Part { columns: ColumnsBuilder::new(operation), results: Results::unwritten(0, width) };
        Self { parameters, operation, all: none(), quick: none(), item: Item::default() }
    }

    /// An item: what is expected of it, and the fields that differ.
    fn expect(&mut self, line: &str, is_rare: bool) {
        let mut words = line.split(' ');
        let expected = words.next().unwrap_or_default();
        let mut item = self.item.clone();
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            item.set(field, value);
        }
        let reason = Reason::ALL.into_iter().find(|reason| reason.name() == expected);
        let width = self.all.results.width;
        let (verdict, value) = match (expected, reason) {
            ("valid", _) => (Verdict::Valid, vec![0; width]),
            (_, Some(reason)) => (Verdict::Invalid(reason), vec![0; width]),
            (value, None) => (Verdict::Valid, piece(value)),
        };
        assert_eq!(value.len(), width, "{}: a value has the row's width", self.operation.name);
        let is_quick = !is_rare && item.messages.iter().all(|message| message.len() <= QUICK_MESSAGE_BYTES);
        for part in [Some(&mut self.all), is_quick.then_some(&mut self.quick)].into_iter().flatten() {
            item.push(self.operation, &mut part.columns);
            part.results.verdicts.push(verdict.to_byte());
            part.results.values.extend(&value);
        }
    }

    fn finish(self) -> KnownAnswer {
        let parameters = &self.parameters;
        let quick = (self.quick.columns.items() > 0).then(|| Box::new(self.quick.finish(parameters, None)));
        self.all.finish(parameters, quick)
    }
}

impl Part {
    fn finish(self, parameters: &Parameters, quick: Option<Box<KnownAnswer>>) -> KnownAnswer {
        let columns = self.columns.build().expect("a row of answers.txt has items and fits a request");
        let bundle = Bundle::new(parameters.clone(), vec![columns]).expect("parameters that the row takes");
        KnownAnswer { bundle, expected: self.results, quick }
    }
}

impl Item {
    fn set(&mut self, field: &str, value: &str) {
        if value == "refused" {
            let reason = Reason::ALL.into_iter().find(|reason| reason.name() == field);
            self.refused = Some(reason.expect("a field named like the reason"));
            return;
        }
        match field {
            "form" => self.form = entries(value, &[]).concat()[0],
            "key" => self.keys = entries(value, &self.keys),
            "signature" => self.signature = entries(value, std::slice::from_ref(&self.signature)).concat(),
            "message" => self.messages = entries(value, &self.messages),
            _ => panic!("answers.txt: {field} is no field"),
        }
    }

    fn push(&self, operation: &Operation, columns: &mut ColumnsBuilder) {
        if let Some(reason) = self.refused {
            return columns.refuse(reason);
        }
        if operation.grouping == Grouping::Single {
            // A row without keys has none in its lines.
            return columns.push(self.form, &self.keys.concat(), &self.signature, &self.messages.concat());
        }
        let [keys, messages] =
            [&self.keys, &self.messages].map(|list| list.iter().map(Vec::as_slice).collect::<Vec<_>>());
        columns.push_group(self.form, &keys, &self.signature, &messages);
    }
}

/// The entries that a field's value names; `before` is what `~` spoils.
fn entries(value: &str, before: &[Vec<u8>]) -> Vec<Vec<u8>> {
    match value {
        "-" => Vec::new(),
        "~" => {
            let mut spoilt = before.to_vec();
            *spoilt.last_mut().and_then(|entry| entry.last_mut()).expect("something to spoil") ^= 1;
            spoilt
        }
        _ => value.split(',').map(|entry| entry.split('+').flat_map(piece).collect()).collect(),
    }
}

/// One piece of an entry.
fn piece(text: &str) -> Vec<u8> {
    if let Some(name) = text.strip_prefix('@') {
        return FILES.into_iter().find(|(file, _)| *file == name).expect("a file that is built in").1.to_vec();
    }
    if let Some(text) = text.strip_prefix('"') {
        return text.trim_end_matches('"').as_bytes().to_vec();
    }
    if let Some(count) = text.strip_prefix("count:") {
        return (0..=250).cycle().take(count.parse().expect("a number of bytes")).collect();
    }
    if let Some((bytes, times)) = text.split_once('*') {
        return piece(bytes).repeat(times.parse().expect("a number of times"));
    }
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).expect("hex"))
        .collect()
}
