//! What [`crate::local`] is in a build without the feature `local`: nothing that could be made.

use assay_scheme::{Columns, Keys, Parameters, Priority};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::tls::Random;

/// This machine as a verifier: absent.
pub(crate) enum Local {}

impl Local {
    pub(crate) async fn start(_config: &ClientConfig) -> Result<Option<Self>, Error> {
        Ok(None)
    }

    pub(crate) fn begin_at(&self, _columns: &Columns, _now: Instant, _deadline: Instant, _share: f64) -> Instant {
        match *self {}
    }

    pub(crate) async fn preload(&self, _keys: &Keys) {
        match *self {}
    }

    pub(crate) async fn compute(
        &self,
        _columns: &Columns,
        _parameters: &Parameters,
        _priority: Priority,
        _deadline: Option<Instant>,
    ) -> Option<Answer> {
        match *self {}
    }

    pub(crate) async fn finish(
        &self,
        _answer: &mut Answer,
        _needed: usize,
        _columns: &Columns,
        _parameters: &Parameters,
        _priority: Priority,
        _deadline: Option<Instant>,
    ) {
        match *self {}
    }

    pub(crate) async fn recheck(
        &self,
        _answer: &Answer,
        _columns: &Columns,
        _parameters: &Parameters,
        _deadline: Option<Instant>,
        _share: f64,
        _random: Random,
    ) -> Option<usize> {
        match *self {}
    }
}
