//! What a family is handed: one request's items and where their results go.

use std::ops::Range;

use assay_scheme::{Columns, Parameters, Reason, Verdict};

use super::digest;
use crate::backend::Output;

/// Some items of one request's columns, with room for exactly their results.
pub(super) struct Job<'a> {
    pub(super) columns: &'a Columns,
    pub(super) parameters: &'a Parameters,
    items: Range<usize>,
    out: Output<'a>,
}

impl<'a> Job<'a> {
    pub(super) fn new(columns: &'a Columns, items: Range<usize>, parameters: &'a Parameters, out: Output<'a>) -> Self {
        Self { columns, parameters, items, out }
    }

    /// The items, as the columns count them.
    pub(super) fn items(&self) -> Range<usize> {
        self.items.clone()
    }

    /// Writes a verdict for each item. Items refused in encoding get their reason without a call; the others are given
    /// by index, with their form byte.
    pub(super) fn each_verdict(mut self, mut verdict: impl FnMut(usize, u8) -> Result<(), Reason>) {
        for (at, item) in self.items.clone().enumerate() {
            let outcome = self.columns.form(item).and_then(|form| verdict(item, form));
            self.out.verdict(at, outcome.into());
        }
    }

    /// Writes a value for each item, or why there is none.
    pub(super) fn each_value<const N: usize>(mut self, mut value: impl FnMut(usize) -> Result<[u8; N], Reason>) {
        for (at, item) in self.items.clone().enumerate() {
            match self.columns.form(item).and_then(|_| value(item)) {
                Ok(value) => self.out.value(at, &value),
                Err(reason) => self.out.verdict(at, Verdict::Invalid(reason)),
            }
        }
    }

    /// Writes a function of each message.
    pub(super) fn values<const N: usize>(self, function: impl Fn(&[u8]) -> [u8; N]) {
        let columns = self.columns;
        self.each_value(|item| Ok(function(columns.message(item))));
    }
}

/// The 32 bytes that are signed: the named hash of the message, or the message itself where none is named.
pub(super) fn signed_digest(parameters: &Parameters, message: &[u8]) -> Result<[u8; 32], Reason> {
    match parameters.hash {
        Some(hash) => Ok(digest::hash(hash, message)),
        None => message.try_into().map_err(|_| Reason::Message),
    }
}

/// A column's bytes as an array, where the registry fixes their number.
pub(crate) fn fixed<const N: usize>(bytes: &[u8]) -> &[u8; N] {
    bytes.try_into().expect("the column's width is the row's")
}
