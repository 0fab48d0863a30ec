//! How often each address may do what helps to find or to use up nameplates.

use crate::{
    bucket::Buckets,
    config::{Limit, Limits},
};

/// See [`Limits`].
pub(super) struct Rates {
    claims: Buckets,
    failed_claims: Buckets,
    lists: Buckets,
}

/// Which of them.
#[derive(Clone, Copy)]
pub(super) enum Deed {
    Claim,
    FailedClaim,
    List,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            claims: Buckets::new(limits.claims),
            failed_claims: Buckets::new(limits.failed_claims),
            lists: Buckets::new(limits.lists),
        }
    }

    pub(super) fn clock_was_set(&mut self, by: f64) {
        for deed in [Deed::Claim, Deed::FailedClaim, Deed::List] {
            self.of(deed).clock_was_set(by);
        }
    }

    pub(super) const fn of(&mut self, deed: Deed) -> &mut Buckets {
        match deed {
            Deed::Claim => &mut self.claims,
            Deed::FailedClaim => &mut self.failed_claims,
            Deed::List => &mut self.lists,
        }
    }
}

impl Deed {
    pub(super) const fn limit(self) -> Limit {
        match self {
            Self::Claim => Limit::Claims,
            Self::FailedClaim => Limit::FailedClaims,
            Self::List => Limit::Lists,
        }
    }
}
